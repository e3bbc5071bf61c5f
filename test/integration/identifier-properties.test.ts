import { createRequire } from 'node:module';

import { array, assert, asyncProperty, constantFrom, oneof, tuple } from 'fast-check';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { qualified, quoteIdentifier, quoteLiteral, searchPath } from '../../src/db/identifiers.js';
import { withLibpqVariables } from '../../src/db/libpq-environment.js';
import { tenantEnvironment } from '../../src/each-tenant/exec/environment.js';
import { exec } from '../../src/each-tenant/exec/exec.js';
import { status } from '../../src/fleet/status.js';
import { deleteTenant } from '../../src/lifecycle/delete-tenant.js';
import { renameTenant } from '../../src/lifecycle/rename-tenant.js';
import { isIdentifier } from '../../src/util/identifier.js';
import { anyName, anyText, schemas } from '../support/arbitrary-names.js';
import { useDatabase } from '../support/database.js';
import { ask } from '../support/every-command.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

const PG = createRequire(import.meta.url).resolve('pg');

const database = useDatabase();

/** Runs in a transaction that is rolled back. */
async function inTransaction(work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client(database.config);
  await client.connect();
  try {
    await client.query('BEGIN');
    await work(client);
  } finally {
    await client.end();
  }
}

describe('quoting', () => {
  it.each(['on', 'off'])(
    'any name and any text come back as they were, standard_conforming_strings %s',
    async (scs) => {
      await inTransaction(async (client) => {
        await client.query(`SET LOCAL standard_conforming_strings = ${scs}; SET LOCAL escape_string_warning = off`);
        await assert(
          asyncProperty(array(tuple(anyName, anyText), { minLength: 30, maxLength: 60 }), async (pairs) => {
            const list = pairs.map(([name, text]) => `${quoteLiteral(text)}::text AS ${quoteIdentifier(name)}`);
            const { fields, rows } = await client.query<string[]>({
              text: `SELECT ${list.join(', ')}`,
              rowMode: 'array',
            });
            expect(fields.map(({ name }) => name)).toEqual(pairs.map(([name]) => name));
            expect(rows[0]).toEqual(pairs.map(([, text]) => text));
          }),
          { numRuns: 30 },
        );
      });
    },
  );

  it('a search path leads to the schemas that it names, and a qualified name to its table', async () => {
    await assert(
      asyncProperty(schemas(12), array(anyName, { minLength: 12, maxLength: 12 }), (names, tables) =>
        inTransaction(async (client) => {
          const makers = names.map((name, index) => {
            const table = qualified(name, tables[index] ?? 'x');
            return `CREATE SCHEMA ${quoteIdentifier(name)}; CREATE TABLE ${table} ()`;
          });
          await client.query(makers.join(';'));
          await client.query(`SELECT set_config('search_path', $1, true)`, [searchPath(names)]);
          const found = await client.query<{ path: string[] }>('SELECT current_schemas(false)::text[] AS path');
          expect(found.rows[0]?.path).toEqual(names);
          await client.query(`SET LOCAL search_path TO ${searchPath(names)}`);
          expect((await client.query('SELECT current_schemas(false)::text[] AS path')).rows).toEqual(found.rows);
          const { rows } = await client.query<{ schema: string; relation: string }>(
            `SELECT nspname AS schema, relname AS relation FROM unnest($1::text[]) WITH ORDINALITY AS t (name, i)
               JOIN pg_class c ON c.oid = to_regclass(name) JOIN pg_namespace n ON n.oid = relnamespace ORDER BY i`,
            [names.map((name, index) => qualified(name, tables[index] ?? 'x'))],
          );
          expect(rows).toEqual(names.map((schema, index) => ({ schema, relation: tables[index] })));
        }),
      ),
      { numRuns: 15 },
    );
  });

  it('a name is one exactly when the server keeps it whole', async () => {
    await assert(
      asyncProperty(oneof(anyName, anyText, constantFrom('', 'a\0b', '\uD800', '\uDC00x')), async (text) => {
        const kept = await database.query<{ name: string }>('SELECT $1::text::name::text AS name', [text]).then(
          ({ rows }) => rows[0]?.name === text && text !== '',
          () => false,
        );
        expect(isIdentifier(text)).toBe(kept);
        if (!kept) expect(() => quoteIdentifier(text)).toThrow(expect.objectContaining({ code: 'INVALID_NAME' }));
      }),
      { numRuns: 200 },
    );
  });
});

describe('fleets of tenants with any names', () => {
  let fleet: TestFleet;
  beforeAll(async () => {
    fleet = await createFleet(database);
    await fleet.migrate({ selection: { kind: 'shared' } });
    await fleet.tenantMigration('0002_kind.sql', `CREATE TYPE kind AS ENUM ('a'); CREATE TABLE kinds (kind kind);`);
    await fleet.tenantMigration(
      '0003_asks.js',
      `exports.up = async (pgm) => { await pgm.db.query('SELECT 1 FROM kinds'); pgm.createTable('asked', { id: 'id', at: { type: 'name', default: pgm.func('current_schema()') } }); pgm.sql('INSERT INTO asked DEFAULT VALUES'); };`,
    );
    await fleet.tenantMigration(
      '0004_index.sql',
      '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY kinds_kind ON kinds (kind);',
    );
  });
  afterAll(() => fleet.remove());

  /** Registers schemas that are there already, as an application does that was there first. */
  async function adopt(names: readonly string[]): Promise<void> {
    await database.query(names.map((name) => `CREATE SCHEMA ${quoteIdentifier(name)}`).join(';'));
    await database.query('INSERT INTO tenants (schema_name) SELECT unnest($1::text[])', [[...names]]);
  }

  async function clear(): Promise<void> {
    const { rows } = await database.query<{ name: string }>(
      `SELECT nspname AS name FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('public', 'information_schema', 'tenants_journal')`,
    );
    for (const { name } of rows) await database.query(`DROP SCHEMA ${quoteIdentifier(name)} CASCADE`);
    await database.query('DELETE FROM tenants');
  }

  const TABLES = ['asked', 'kinds', 'pgmigrations', 'projects'];
  async function places(): Promise<Record<string, string[]>> {
    const { rows } = await database.query<{ schema: string; tables: string[] }>(
      `SELECT nspname AS schema, array_agg(relname::text ORDER BY relname::text COLLATE "C") AS tables
         FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
        WHERE relkind = 'r' AND nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'tenants_journal') GROUP BY 1`,
    );
    return Object.fromEntries(rows.map(({ schema, tables }) => [`=${schema}`, tables]));
  }

  it('live their whole life, and nothing lands elsewhere', async () => {
    const shared = (await places())['=public'];
    await assert(
      asyncProperty(schemas(20), async (names) => {
        await clear();
        await adopt(names);
        const report = await fleet.migrate({}, { canary: 0 });
        expect(report.results.filter((result) => result.status !== 'applied')).toEqual([]);
        const expected = Object.fromEntries(names.map((name) => [`=${name}`, TABLES]));
        expect(await places()).toEqual({ ...expected, '=public': shared });
        const project = await fleet.project();
        expect((await status(project)).tenants).toMatchObject({ total: names.length, upToDate: names.length });
        expect(
          (await status(project, { names: names.slice(0, 5) })).details?.map(({ tenant }) => tenant).sort(),
        ).toEqual(names.slice(0, 5).sort());
        const { rows, failed } = (await ask(project, 'SELECT at, current_schema() FROM asked')) as Record<
          string,
          string[][]
        >;
        expect(failed).toEqual([]);
        expect(new Set(rows?.map((row) => JSON.stringify(row)))).toEqual(
          new Set(names.map((name) => JSON.stringify([name, name, name]))),
        );
        const [first = '', second = '', third = ''] = names;
        await renameTenant(project, { from: first, to: 'renamed' });
        await deleteTenant(project, { schema: second });
        await deleteTenant(project, { schema: third, keepSchema: true });
        delete expected[`=${first}`];
        delete expected[`=${second}`];
        expect(await places()).toEqual({ ...expected, '=renamed': TABLES, '=public': shared });
        expect((await status(project)).tenants).toMatchObject({ total: names.length - 2, upToDate: names.length - 2 });
      }),
      { numRuns: 4, endOnFailure: true },
    );
  });

  it('programs find exactly theirs, by URL and by variables, and get their arguments as they were written', async () => {
    await assert(
      asyncProperty(schemas(12), array(anyText, { maxLength: 4 }), async (names, texts) => {
        await clear();
        await adopt(names);
        for (const tenant of names) {
          const given = { tenant, sharedSchema: 'public', extraSearchPath: names.slice(0, 2) };
          const { PGOPTIONS, DATABASE_URL } = await withLibpqVariables(database.config, 'test', async (variables) =>
            tenantEnvironment({ PGOPTIONS: '-c work_mem=7MB' }, await variables(), given),
          );
          const path = [...new Set([tenant, 'public', ...names.slice(0, 2)])];
          for (const config of [{ ...database.config, options: PGOPTIONS }, { connectionString: DATABASE_URL }]) {
            const client = new Client(config);
            await client.connect();
            const { rows } = await client.query(
              `SELECT current_schemas(false)::text[] AS path, current_setting('work_mem') AS mem`,
            );
            await client.end();
            expect(rows).toEqual([{ path, mem: 'options' in config ? '7MB' : '4MB' }]);
          }
        }
        const chosen = names.slice(0, 3);
        const said: string[] = [];
        const report = await exec(await fleet.project(), {
          command: [process.execPath, '-e', TELL, '--', ...texts],
          names: chosen,
          cwd: fleet.files.root,
          env: { PATH: process.env['PATH'] },
          onLines: (_tenant, _stream, lines) => void said.push(...lines),
        });
        expect(report.results.map(({ exitCode }) => exitCode)).toEqual(chosen.map(() => 0));
        expect(new Set(said.map((line) => JSON.parse(line) as unknown))).toEqual(
          new Set(chosen.map((tenant) => ({ tenant, at: [tenant, 'public'], args: texts }))),
        );
      }),
      { numRuns: 3, endOnFailure: true },
    );
  });

  it('a statement gets its text as it was written', async () => {
    await clear();
    await adopt(['a']);
    const project = await fleet.project();
    await assert(
      asyncProperty(anyText, anyName, async (text, name) => {
        const sql = `/* ; ' " */ SELECT ${quoteLiteral(text)} AS ${quoteIdentifier(name)} -- ;`;
        expect(await ask(project, sql)).toEqual({ rows: [['a', text]], failed: [] });
      }),
      { numRuns: 40 },
    );
  });
});

const TELL = `
const { Client } = require(${JSON.stringify(PG)});
(async () => {
  const client = new Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  const { rows } = await client.query('SELECT current_schemas(false)::text[] AS at');
  await client.end();
  console.log(JSON.stringify({ tenant: process.env.TENANT_SCHEMA, at: rows[0].at, args: process.argv.slice(1) }));
})();`;
