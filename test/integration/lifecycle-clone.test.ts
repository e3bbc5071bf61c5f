import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { Client, escapeIdentifier } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { tenantLock } from '../../src/db/locks.js';
import { cloneTenant } from '../../src/lifecycle/clone-tenant.js';
import { deleteTenant } from '../../src/lifecycle/delete-tenant.js';
import { renameTenant } from '../../src/lifecycle/rename-tenant.js';
import type { CreateHookContext } from '../../src/project/hook-types.js';
import type { Project } from '../../src/project/project.js';
import { REPOSITORY } from '../support/build.js';
import { asDatabase, type DebianPostgres, findPostgres, startPostgres } from '../support/debian-postgres.js';
import { describeSchema, readRows } from '../support/describe-schema.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { openProxy } from '../support/proxy.js';

const bin = findPostgres();
if (bin === undefined) {
  console.warn('Cloning is not tested: there is no PostgreSQL with a pg_dump of its own version here.');
}

/** The schema that is cloned: its name has everything that must be quoted somewhere. */
const SOURCE = `Wei"rd $$ 'é.*`;

describe.skipIf(bin === undefined)('cloneTenant', () => {
  let server: DebianPostgres;
  let client: Client;
  let fleet: TestFleet;
  let project: Project;
  const path = process.env['PATH'];

  beforeAll(async () => {
    server = await startPostgres(bin ?? '');
    process.env['PATH'] = `${server.bin}${delimiter}${path}`;
    client = new Client(server.config);
    await client.connect();
    fleet = await createFleet(asDatabase(server, client));
    await fleet.migrate({ selection: { kind: 'shared' } });
    project = { ...(await fleet.project()), lockTimeoutMs: 1000 };
    await client.query(`
      CREATE ROLE clone_reader; CREATE ROLE clone_owner; CREATE TABLE public.authors (id bigint PRIMARY KEY);
      ALTER TABLE public.tenants ADD COLUMN plan text, ADD COLUMN seats int;
      CREATE SCHEMA ${escapeIdentifier(SOURCE)}; GRANT USAGE, CREATE ON SCHEMA ${escapeIdentifier(SOURCE)} TO clone_owner;
      INSERT INTO public.tenants (schema_name, type, plan) VALUES ('${SOURCE.replaceAll("'", "''")}', 'shop', 'gold')`);
    const sql = await readFile(join(REPOSITORY, 'test', 'fixtures', 'clone', 'rich-schema.sql'), 'utf8');
    await client.query(`BEGIN; ${sql.replaceAll(':schema', () => escapeIdentifier(SOURCE))}; COMMIT`);
    await client.query(`UPDATE public.tenants SET type = NULL`);
    await fleet.migrate({ selection: { kind: 'all' } });
    await client.query(`UPDATE public.tenants SET type = 'shop'`);
  });
  afterAll(async () => {
    process.env['PATH'] = path;
    await client.end();
    await server.stop();
    await fleet.remove();
  });
  beforeEach(async () => {
    await client.query('DELETE FROM public.domains');
    await client.query(`DELETE FROM public.tenants WHERE schema_name <> $1`, [SOURCE]);
    await client.query('DROP SCHEMA IF EXISTS copy CASCADE');
  });

  /** A backend whose client has gone may need a moment to notice. */
  async function expectNothing(): Promise<void> {
    await expect.poll(() => leftovers(), { timeout: 10_000 }).toEqual([]);
  }

  async function leftovers(): Promise<unknown[]> {
    const { rows } = await client.query(
      `SELECT nspname::text AS name FROM pg_namespace WHERE nspname ~ '^(copy|tenants_clone)'
       UNION ALL SELECT schema_name FROM public.tenants WHERE schema_name <> $1
       UNION ALL SELECT domain FROM public.domains
       UNION ALL SELECT pid::text FROM pg_stat_activity WHERE application_name ~ '^tenants: clone' AND state <> 'idle'`,
      [SOURCE],
    );
    return rows;
  }

  async function expectNoSchema(...names: string[]): Promise<void> {
    const { rows } = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = ANY ($1)', [names]);
    expect(rows).toEqual([]);
  }

  it('the copy is the same in structure, rows and sequences, and the source is untouched', async () => {
    const before = { facts: await describeSchema(client, SOURCE), rows: await readRows(client, SOURCE) };
    expect(before.facts.length).toBeGreaterThan(150);
    const cloned = await cloneTenant(project, {
      source: SOURCE,
      schema: 'copy',
      domains: ['copy.example', 'www.copy.example'],
      label: 'A copy',
      set: { seats: '25' },
    });
    expect(cloned).toMatchObject({
      tenant: { schema: 'copy', name: 'A copy', type: 'shop', status: 'active' },
      domains: [
        { domain: 'copy.example', primary: true },
        { domain: 'www.copy.example', primary: false },
      ],
      migrations: [],
      warnings: [],
    });
    expect(await describeSchema(client, 'copy')).toEqual(before.facts);
    expect(await readRows(client, 'copy')).toEqual(before.rows);
    expect(await describeSchema(client, SOURCE)).toEqual(before.facts);
    expect(await readRows(client, SOURCE)).toEqual(before.rows);
    const { rows } = await client.query(`SELECT plan, seats FROM public.tenants WHERE schema_name = 'copy'`);
    expect(rows).toEqual([{ plan: 'gold', seats: 25 }]);
  });

  it('nothing in the copy leads to the source, and both go on independently', async () => {
    await cloneTenant(project, { source: SOURCE, schema: 'copy' });
    const { rows } = await client.query(
      `SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) AS what
         FROM pg_depend d, LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) a,
              LATERAL pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) b
        WHERE (a.identity LIKE 'copy.%' OR a.schema = 'copy') AND (b.schema = quote_ident($1) OR b.identity = quote_ident($1))`,
      [SOURCE],
    );
    expect(rows).toEqual([]);
    await client.query('DISCARD SEQUENCES');
    const last = async (schema: string): Promise<unknown[]> =>
      (
        await client.query(
          `INSERT INTO ${escapeIdentifier(schema)}.people (mail) VALUES ('new@example.com') RETURNING id, "second id", legacy, loose`,
        )
      ).rows;
    const inCopy = await last('copy');
    expect(await last('copy').catch((error: Error) => error.message)).toMatch(/duplicate key/);
    expect(await last(SOURCE)).toEqual(inCopy);
    await client.query(`DELETE FROM ${escapeIdentifier(SOURCE)}.people WHERE mail = 'new@example.com'`);
    await client.query(`DROP SCHEMA copy CASCADE`);
    expect((await client.query(`SELECT count(*)::int AS n FROM ${escapeIdentifier(SOURCE)}.people`)).rows).toEqual([
      { n: 4 },
    ]);
  });

  it('grants are those of the source, not those that new objects of the database begin with', async () => {
    const facts = await describeSchema(client, SOURCE);
    const change = async (from: string, to: string): Promise<void> => {
      await client.query(
        `ALTER DEFAULT PRIVILEGES ${from} ALL ON TABLES ${to} clone_owner WITH GRANT OPTION;
        ALTER DEFAULT PRIVILEGES ${from} USAGE ON SEQUENCES ${to} PUBLIC; ALTER DEFAULT PRIVILEGES ${from} USAGE ON SCHEMAS ${to} clone_owner`.replaceAll(
          /FROM clone_owner WITH GRANT OPTION/g,
          'FROM clone_owner',
        ),
      );
    };
    await change('GRANT', 'TO');
    await client.query(
      'ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM PUBLIC; ALTER DEFAULT PRIVILEGES REVOKE ALL ON TYPES FROM PUBLIC',
    );
    try {
      await cloneTenant(project, { source: SOURCE, schema: 'copy' });
      expect(await describeSchema(client, 'copy')).toEqual(facts);
    } finally {
      await change('REVOKE', 'FROM');
      await client.query(
        'ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO PUBLIC; ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO PUBLIC',
      );
    }
  });

  it('without data it has the structure and the rows of the migrations table', async () => {
    await cloneTenant(project, { source: SOURCE, schema: 'copy', noData: true });
    expect(await describeSchema(client, 'copy')).toEqual(await describeSchema(client, SOURCE));
    const { pgmigrations, pgmigrations_id_seq: sequence, ...others } = await readRows(client, 'copy');
    const source = await readRows(client, SOURCE);
    expect(pgmigrations).toEqual(source['pgmigrations']);
    expect(pgmigrations).toHaveLength(1);
    expect(sequence).toEqual(source['pgmigrations_id_seq']);
    expect(others['people']).toEqual([]);
    expect(others['counts']).toEqual([]);
    expect(others['loose']).toEqual(['20|f']);
  });

  it('with a role that owns the tenants, all is done as that role', async () => {
    await client.query(`GRANT CREATE ON DATABASE postgres TO clone_owner; CREATE SCHEMA owned AUTHORIZATION clone_owner;
      INSERT INTO public.tenants (schema_name) VALUES ('owned'); SET ROLE clone_owner;
      CREATE TABLE owned.t (id serial); INSERT INTO owned.t DEFAULT VALUES; RESET ROLE;
      CREATE ROLE clone_login LOGIN NOINHERIT IN ROLE clone_owner;
      GRANT ALL ON ALL TABLES IN SCHEMA public TO clone_login; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO clone_login`);
    const asLogin = { ...project, role: 'clone_owner', database: { ...server.config, user: 'clone_login' } };
    try {
      await cloneTenant(asLogin, { source: 'owned', schema: 'copy' });
      expect(await describeSchema(client, 'copy')).toEqual(await describeSchema(client, 'owned'));
      expect(await readRows(client, 'copy')).toEqual({ t: ['(1)'], t_id_seq: ['1|t'] });
      await renameTenant(asLogin, { from: 'copy', to: 'copy_two' });
      await deleteTenant(asLogin, { schema: 'copy_two' });
      await expectNoSchema('copy', 'copy_two');
      await expect(deleteTenant({ ...asLogin, role: undefined }, { schema: 'owned' })).rejects.toMatchObject({
        code: 'DATABASE_ERROR',
        details: { sqlstate: '42501' },
      });
    } finally {
      await client.query(`DROP SCHEMA owned CASCADE; DROP OWNED BY clone_login; DROP ROLE clone_login`);
    }
  });

  it('applications read and write the source under its name meanwhile', async () => {
    const proxy = await openProxy({ url: server.url, config: server.config });
    try {
      proxy.setLatency(15);
      const cloning = cloneTenant({ ...project, database: proxy.config }, { source: SOURCE, schema: 'copy' });
      const running = { ended: false };
      void cloning.finally(() => (running.ended = true));
      const table = `${escapeIdentifier(SOURCE)}.measures`;
      let during = 0;
      for (; !running.ended; during += 1) {
        await client.query(`INSERT INTO ${table} VALUES ('2000-01-01', 0)`);
        expect((await client.query(`SELECT count(*)::int AS n FROM ${table} WHERE value = 0`)).rows[0]).toEqual({
          n: during + 1,
        });
      }
      await cloning;
      expect(during).toBeGreaterThan(10);
    } finally {
      await client.query(`ALTER TABLE ${escapeIdentifier(SOURCE)}.measures_old DISABLE RULE quiet`);
      await client.query(`DELETE FROM ${escapeIdentifier(SOURCE)}.measures WHERE value = 0`);
      await client.query(`ALTER TABLE ${escapeIdentifier(SOURCE)}.measures_old ENABLE RULE quiet`);
      await proxy.close();
    }
  });

  it.each<[string, Partial<Parameters<typeof cloneTenant>[1]>, string]>([
    ['an unknown source', { source: 'Weird' }, 'UNKNOWN_TENANT'],
    ['the public tenant', { source: 'public' }, 'USAGE'],
    ['a name that no new tenant may have', { schema: 'Copy' }, 'INVALID_NAME'],
    ['a name that is taken', { schema: 'taken' }, 'SCHEMA_EXISTS'],
    ['a domain that is none', { domains: ['http://x'] }, 'INVALID_DOMAIN'],
    ['another type than that of the source', { type: 'blog' }, 'USAGE'],
    ['a column that the tenant table has not', { set: { sets: '1' } }, 'USAGE'],
    ['a value that a column does not take', { set: { seats: 'many' } }, 'USAGE'],
  ])('refuses %s', async (_, wrong, code) => {
    await client.query('CREATE SCHEMA IF NOT EXISTS taken');
    await expect(cloneTenant(project, { source: SOURCE, schema: 'copy', ...wrong })).rejects.toMatchObject({
      code,
      exitCode: 2,
    });
    await expectNothing();
  });

  it('refuses a source with an extension in it', async () => {
    await client.query(`CREATE SCHEMA with_extension; INSERT INTO public.tenants (schema_name) VALUES ('with_extension');
      CREATE EXTENSION IF NOT EXISTS "uuid-ossp" SCHEMA with_extension`);
    await expect(cloneTenant(project, { source: 'with_extension', schema: 'copy' })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('uuid-ossp'),
    });
    await client.query(
      `DROP SCHEMA with_extension CASCADE; DELETE FROM public.tenants WHERE schema_name = 'with_extension'`,
    );
    await expectNothing();
  });

  it.each(['source', 'copy'])('gives up when the lock of the %s is held', async (which) => {
    await client.query('SELECT pg_advisory_lock($1::bigint)', [tenantLock(which === 'source' ? SOURCE : 'copy')]);
    try {
      await expect(cloneTenant(project, { source: SOURCE, schema: 'copy' })).rejects.toMatchObject({
        code: 'TENANT_BUSY',
        exitCode: 1,
      });
    } finally {
      await client.query('SELECT pg_advisory_unlock_all()');
    }
    await expectNothing();
  });

  it('a failure of pg_dump in the middle leaves nothing', async () => {
    const table = `${escapeIdentifier(SOURCE)}.measures_new`;
    await client.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    try {
      await expect(cloneTenant(project, { source: SOURCE, schema: 'copy' })).rejects.toMatchObject({
        code: 'PG_DUMP_FAILED',
        exitCode: 1,
        message: expect.stringMatching(/timeout/),
      });
    } finally {
      await client.query('ROLLBACK');
    }
    await expectNothing();
  });

  it('what the server refuses in the middle leaves nothing', async () => {
    // A constraint that the source's own rows do not meet.
    await client.query(`CREATE TABLE ${escapeIdentifier(SOURCE)}.broken (id int);
      INSERT INTO ${escapeIdentifier(SOURCE)}.broken VALUES (1);
      ALTER TABLE ${escapeIdentifier(SOURCE)}.broken ADD CONSTRAINT never CHECK (id > 1) NOT VALID;
      UPDATE pg_constraint SET convalidated = true WHERE conname = 'never'`);
    try {
      await expect(cloneTenant(project, { source: SOURCE, schema: 'copy' })).rejects.toMatchObject({
        code: 'DATABASE_ERROR',
        exitCode: 1,
        details: { sqlstate: '23514', tenant: 'copy' },
      });
    } finally {
      await client.query(`DROP TABLE ${escapeIdentifier(SOURCE)}.broken`);
    }
    await expectNothing();
  });

  it.each<[string, (sql: string) => boolean, boolean]>([
    ['at the first rename', (sql) => sql.startsWith('ALTER SCHEMA'), false],
    ['at the rows', (sql) => sql.startsWith('COPY '), false],
    ['before the COMMIT arrives', (sql) => sql === 'COMMIT', false],
    ['after the COMMIT has arrived', (sql) => sql === 'COMMIT', true],
  ])('knows what became of it when the connection breaks %s', async (_, when, deliver) => {
    const proxy = await openProxy({ url: server.url, config: server.config });
    try {
      // pg_dump goes through the same proxy, and sends COPY … TO stdout and its own COMMIT.
      proxy.cut({ when: ({ sql }) => when(sql) && !sql.includes('TO stdout') && !sql.includes(';\0'), deliver });
      const outcome = await cloneTenant(
        { ...project, database: proxy.config },
        { source: SOURCE, schema: 'copy', domains: ['cut.example'] },
      ).catch((error: unknown) => error);
      if (deliver) {
        expect(outcome).toMatchObject({ tenant: { schema: 'copy' } });
        expect(await describeSchema(client, 'copy')).toEqual(await describeSchema(client, SOURCE));
      } else {
        expect(outcome).toMatchObject({ code: 'DATABASE_UNREACHABLE', exitCode: 5 });
        await expect
          .poll(async () => (await client.query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory'`)).rowCount, {
            timeout: 10_000,
          })
          .toBe(0);
        await expectNothing();
      }
    } finally {
      await proxy.close();
    }
  });

  it('hooks work in its transaction and are told what is cloned; one that fails leaves nothing', async () => {
    const told: unknown[] = [];
    const note = async ({ client: own, ...context }: CreateHookContext): Promise<void> => {
      const answer = await own?.query(
        `SELECT current_schema()::text AS schema, current_setting('row_security') AS rls,
                (SELECT count(*)::int FROM public.tenants WHERE schema_name = 'copy') AS row`,
      );
      told.push([context, answer?.rows[0]]);
    };
    const options = { source: SOURCE, schema: 'copy', domains: ['copy.example'] };
    await cloneTenant(project, { ...options, hooks: { beforeCreateTenant: note, afterCreateTenant: note } });
    const context = { tenant: 'copy', type: 'shop', domains: ['copy.example'], source: SOURCE };
    expect(told).toEqual([
      [context, { schema: 'public', rls: 'on', row: 0 }],
      [context, { schema: 'copy', rls: 'on', row: 1 }],
    ]);
    await client.query(`DROP SCHEMA copy CASCADE; DELETE FROM public.domains`);
    await client.query(`DELETE FROM public.tenants WHERE schema_name = 'copy'`);

    const afterCreateTenant = async ({ client: own }: CreateHookContext): Promise<void> => {
      // The same SQLSTATE as that of a domain that is taken.
      await own?.query(`INSERT INTO public.domains OVERRIDING SYSTEM VALUE SELECT * FROM public.domains`);
    };
    await expect(cloneTenant(project, { ...options, hooks: { afterCreateTenant } })).rejects.toMatchObject({
      code: 'HOOK_FAILED',
      details: { hook: 'afterCreateTenant', sqlstate: '23505' },
    });
    await expectNothing();
  });

  it('it can be canceled, and leaves nothing', async () => {
    const proxy = await openProxy({ url: server.url, config: server.config });
    const cancel = new AbortController();
    try {
      proxy.cut({
        when: ({ sql }) => {
          if (sql.startsWith('COPY ')) setTimeout(() => cancel.abort(), 20);
          return false;
        },
      });
      proxy.setLatency(15);
      await expect(
        cloneTenant({ ...project, database: proxy.config }, { source: SOURCE, schema: 'copy', cancel: cancel.signal }),
      ).rejects.toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
    } finally {
      await proxy.close();
    }
    await expectNothing();
  });
});
