import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { runner } from 'node-pg-migrate';
import { beforeEach, describe, expect, it } from 'vitest';

import { plan } from '../../src/run/plan.js';
import { REPOSITORY } from '../support/build.js';
import { describeSchema } from '../support/describe-schema.js';
import { useFleet } from '../support/fleet.js';

/** The same schema migrated by this product and by node-pg-migrate, its runner and its command line, in both directions. */
const fleet = useFleet({ each: true, tenants: [] });
const { database } = fleet;

const directory = (): string => fleet.files.path('migrations', 'tenant');

async function byRunner(
  schema: string,
  options: { direction?: 'up' | 'down'; count?: number } = {},
): Promise<string[]> {
  const { direction = 'up', ...rest } = options;
  const done = await runner({
    databaseUrl: database.url,
    dir: directory(),
    direction,
    migrationsTable: 'pgmigrations',
    schema,
    createSchema: true,
    log: () => undefined,
    ...rest,
  });
  return done.map(({ name }) => name);
}

async function byCommandLine(schema: string, ...args: string[]): Promise<string> {
  const bin = join(REPOSITORY, 'node_modules', '.bin', 'node-pg-migrate');
  const { stdout } = await promisify(execFile)(bin, [...args, '-m', directory(), '-s', schema], {
    cwd: fleet.files.root,
    env: { ...process.env, DATABASE_URL: database.url },
  });
  return stdout;
}

const catalogOf = async (schema: string): Promise<string[]> => await describeSchema(await database.client(), schema);

describe('on one schema', () => {
  beforeEach(async () => {
    await fleet.tenantMigration(
      '0002_two.js',
      `exports.up = (pgm) => { pgm.createTable('two', { id: 'id', at: 'timestamp' }); };`,
    );
    await fleet.tenantMigration(
      '0003_three.sql',
      '-- Up Migration\nCREATE TABLE three (id int);\n-- Down Migration\nDROP TABLE three;',
    );
  });

  it('node-pg-migrate finds nothing to do after us', async () => {
    await fleet.create('acme');
    expect(await byRunner('acme')).toEqual([]);
    expect(await byCommandLine('acme', 'up')).toContain('No migrations to run');
    expect(await fleet.applied('acme')).toHaveLength(3);
  });

  it('we finish what it has begun', async () => {
    expect(await byRunner('acme', { count: 2 })).toEqual(['0001_projects', '0002_two']);
    await database.query(`INSERT INTO tenants (schema_name) VALUES ('acme')`);
    const report = await fleet.migrate();
    expect(report.results).toMatchObject([{ tenant: 'acme', status: 'applied', migrations: ['0003_three'] }]);
    expect(await byCommandLine('acme', 'up')).toContain('No migrations to run');
  });

  it('it finishes what we have begun', async () => {
    await fleet.create();
    await database.query(`INSERT INTO tenants (schema_name) VALUES ('acme')`);
    await fleet.migrate({ selection: { kind: 'tenants' }, missing: 'create', target: { count: 1 } });
    await byCommandLine('acme', 'up');
    expect(await fleet.applied('acme')).toEqual(['0001_projects', '0002_two', '0003_three']);
    expect((await fleet.migrate()).tenants).toMatchObject({ upToDate: 1, applied: 0 });
  });

  it('its down takes back our migrations, ours brings them again', async () => {
    await fleet.create('acme');
    expect(await byRunner('acme', { direction: 'down', count: 2 })).toEqual(['0003_three', '0002_two']);
    expect(await fleet.tables('acme')).toEqual(['pgmigrations', 'projects']);
    expect((await fleet.migrate()).results).toMatchObject([{ migrations: ['0002_two', '0003_three'] }]);
    await byCommandLine('acme', 'down');
    expect(await fleet.applied('acme')).toEqual(['0001_projects', '0002_two']);
  });

  it('both leave the same bookkeeping table behind', async () => {
    await fleet.create('ours');
    await byRunner('theirs');
    const { rows } = await database.query(
      `SELECT relnamespace::regnamespace::text AS schema, json_agg(json_build_array(attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid) IS NOT NULL) ORDER BY attnum) AS columns,
              (SELECT json_agg(pg_get_constraintdef(oid) ORDER BY conname) FROM pg_constraint WHERE conrelid = c.oid AND contype = 'p') AS keys
         FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 LEFT JOIN pg_attrdef d ON adrelid = c.oid AND adnum = attnum
        WHERE relname = 'pgmigrations' AND relnamespace::regnamespace::text IN ('ours', 'theirs') GROUP BY c.oid ORDER BY 1`,
    );
    const [ours, theirs] = rows.map(({ schema: _schema, ...rest }) => rest);
    expect(ours).toEqual(theirs);
    expect(await fleet.applied('ours')).toEqual(await fleet.applied('theirs'));
  });
});

describe('directories written for node-pg-migrate', () => {
  /** ASK becomes a question to the database, after which a migration cannot be compiled; or nothing. */
  const FILES: Record<string, string> = {
    '1512345678901_utc.js': `exports.shorthands = { money: { type: 'numeric(12,2)', notNull: true, default: 0 } };
      exports.up = async (pgm) => { ASK pgm.createTable('orders', { id: 'id', total: 'money', note: { type: 'text', comment: "it's" } }); };
      exports.down = false;`,
    '1512345678902_types.ts': `import type { MigrationBuilder } from 'node-pg-migrate';
      export const shorthands = undefined;
      export async function up(pgm: MigrationBuilder): Promise<void> {
        ASK pgm.createType('state', ['new', 'paid']);
        pgm.addColumns('orders', { state: { type: 'state', default: 'new' }, total2: 'money' });
        pgm.createIndex('orders', ['state', { name: 'total', sort: 'DESC' }], { name: 'orders_state' });
        pgm.sql("COMMENT ON TABLE orders IS '{literal}'");
        pgm.sql('ALTER TABLE orders ADD CHECK (total >= {low})', { low: 0 });
      }
      export async function down(pgm: MigrationBuilder): Promise<void> { pgm.dropTable('orders'); }`,
    '1512345678903_plain.sql':
      'CREATE TABLE plain (id serial PRIMARY KEY, order_id int REFERENCES orders); CREATE VIEW paid AS SELECT * FROM orders;',
    '1512345678904_esm.mjs': `export const up = async (pgm) => {
        ASK pgm.createFunction('touch', [], { returns: 'trigger', language: 'plpgsql', replace: true }, 'BEGIN RETURN NEW; END');
        pgm.createTrigger('plain', 'touched', { when: 'BEFORE', operation: 'UPDATE', level: 'ROW', function: 'touch' });
        pgm.createSequence('numbers', { start: 10 });
      };
      export const down = () => {};`,
    '1512345678905_common.cjs': `module.exports.up = async (pgm) => { pgm.noTransaction(); ASK pgm.createIndex('plain', 'order_id', { concurrently: true }); };`,
    '1512345678906_marked.sql': `-- Up Migration
      CREATE FUNCTION body() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;
      INSERT INTO plain DEFAULT VALUES;
      -- Down Migration
      DROP FUNCTION body();`,
  };

  beforeEach(async () => {
    await rm(join(directory(), '0001_projects.sql'));
    await write('');
  });
  async function write(ask: string): Promise<void> {
    for (const [name, text] of Object.entries(FILES)) await fleet.tenantMigration(name, text.replace('ASK', ask));
  }

  it('give the catalog that node-pg-migrate itself gives', async () => {
    await byRunner('theirs');
    await fleet.create('ours');
    expect(await fleet.applied('ours')).toEqual(await fleet.applied('theirs'));
    const ours = await catalogOf('ours');
    expect(ours.length).toBeGreaterThan(20);
    expect(ours).toEqual(await catalogOf('theirs'));
    expect(await byRunner('ours')).toEqual([]);
  });

  it('and the same when each migration is built while it runs', async () => {
    await fleet.create('ours');
    await database.query(`INSERT INTO tenants (schema_name) VALUES ('another')`);
    await write(`await pgm.db.query('SELECT 1');`);
    const planned = await plan(await fleet.project(), { selection: { kind: 'all' }, missing: 'create' });
    expect(planned.cohorts).toMatchObject([{ mode: 'direct' }, { state: 'upToDate' }]);
    await database.query('DELETE FROM tenants WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = schema_name)');
    await fleet.create('direct');
    expect(await catalogOf('direct')).toEqual(await catalogOf('ours'));
  });

  it('index names and leading numbers of different lengths come in its order', async () => {
    await fleet.tenantMigration('20_index.sql', 'CREATE TABLE twenty (id int);');
    await fleet.tenantMigration('3_index.sql', 'CREATE TABLE three (id int);');
    await byRunner('theirs');
    await fleet.create('ours');
    expect(await fleet.applied('ours')).toEqual(await fleet.applied('theirs'));
  });
});
