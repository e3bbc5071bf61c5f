import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { status } from '../../src/fleet/status.js';
import { registryMigration } from '../../src/registry/migration-template.js';
import { adoptHistory } from '../../src/run/adopt/adopt-history.js';
import { rollback } from '../../src/run/rollback.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { linkPackages } from '../support/packages.js';
import { SHAPE } from '../support/registry-shapes.js';
import { callCli } from '../support/run-cli.js';

/** The registry, as the up part of what `init` writes. */
const [, REGISTRY = '', REGISTRY_DOWN = ''] =
  /^[^]*?-- Up Migration\n([^]*)-- Down Migration\n([^]*)$/.exec(registryMigration(SHAPE)) ?? [];

const journal = (...tags: string[]): string =>
  JSON.stringify({
    entries: tags.map((tag, idx) => ({ idx, version: '7', when: 1000 + idx, tag, breakpoints: true })),
  });

const drizzleFiles = (...extra: [tag: string, sql: string][]): Record<string, string> => ({
  'drizzle-shared/0000_registry.sql': REGISTRY,
  ...Object.fromEntries(extra.map(([tag, sql]) => [`drizzle-shared/${tag}.sql`, sql])),
  'drizzle-shared/meta/_journal.json': journal('0000_registry', ...extra.map(([tag]) => tag)),
});

const CURRENCIES = `CREATE TYPE "public"."kind" AS ENUM('fiat', 'other');--> statement-breakpoint
CREATE TABLE "currencies" (
	"code" text PRIMARY KEY NOT NULL,
	"kind" "kind" DEFAULT 'fiat' NOT NULL
);
--> statement-breakpoint
ALTER TABLE "currencies" ADD COLUMN "base" text REFERENCES "public"."currencies"("code");`;

let database: TestDatabase;
let fleet: TestFleet;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await fleet.remove();
  await database.drop();
});

const start = async (config: object, files: Record<string, string>): Promise<void> => {
  fleet = await createFleet(database, { 'tenants.config.json': JSON.stringify(config), ...files });
};

describe('shared migrations of Drizzle', () => {
  const config = { shared: { migrations: './drizzle-shared', format: 'drizzle' } };

  it('make the registry and the tables of all tenants, which tenant migrations refer to', async () => {
    await start(config, {
      ...drizzleFiles(['0001_currencies', CURRENCIES]),
      'migrations/tenant/0002_prices.sql': 'CREATE TABLE prices (currency text REFERENCES public.currencies (code));',
    });
    expect((await fleet.migrate({ selection: { kind: 'shared' } })).shared).toMatchObject({
      status: 'applied',
      migrations: ['0000_registry', '0001_currencies'],
    });
    await fleet.create('acme', 'globex');
    expect(await fleet.tables('public')).toEqual(['currencies', 'domains', 'pgmigrations', 'tenants']);
    expect(await fleet.tables('acme')).toEqual(['pgmigrations', 'prices', 'projects']);
    expect(await fleet.migrate()).toMatchObject({ shared: { status: 'upToDate' }, tenants: { upToDate: 2 } });
    const back = rollback(await fleet.project(), { selection: { kind: 'shared' } });
    await expect(back).rejects.toThrow(/0001_currencies cannot be undone/);
  });

  it('go into another shared schema, where the folder names its own objects by public', async () => {
    await start(
      { shared: { schema: 'core', migrations: './drizzle-shared', format: 'drizzle' } },
      drizzleFiles(['0001_currencies', CURRENCIES]),
    );
    await fleet.migrate();
    expect(await fleet.tables('core')).toEqual(['currencies', 'domains', 'pgmigrations', 'tenants']);
    expect(await fleet.tables('public')).toEqual([]);
    await fleet.create('acme');
    expect(await fleet.migrate()).toMatchObject({ tenants: { upToDate: 1 } });
  });

  it('stop before any tenant when one fails, and tell the line', async () => {
    await start(config, drizzleFiles());
    await fleet.migrate({ selection: { kind: 'shared' } });
    await fleet.create('acme');
    for (const [path, text] of Object.entries(
      drizzleFiles(['0001_bad', 'SELECT 1;\n--> statement-breakpoint\nCREATE TABLE "tenants" ();']),
    )) {
      await fleet.files.write(path, text);
    }
    await fleet.tenantMigration('0002_more.sql', 'CREATE TABLE more (id int);');
    const report = await fleet.migrate();
    expect(report).toMatchObject({
      shared: { status: 'failed', error: { file: fleet.files.path('drizzle-shared/0001_bad.sql'), line: 3 } },
      tenants: { applied: 0, notExecuted: 1 },
    });
    expect(await fleet.tables('acme')).toEqual(['pgmigrations', 'projects']);
    expect((await status(await fleet.project())).shared.pending).toEqual(['0001_bad']);
  });

  it('are taken over from the one table that Drizzle keeps for the database', async () => {
    const files = drizzleFiles(['0001_currencies', CURRENCIES]);
    await start(config, files);
    await database.query(REGISTRY);
    await database.query(CURRENCIES.replaceAll('--> statement-breakpoint', ''));
    const { sha } = await import('../support/tool-histories.js');
    await database.query(`CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
      INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('${sha(REGISTRY)}', 1000), ('${sha(CURRENCIES)}', 1001)`);
    const report = await adoptHistory(await fleet.project(), { selection: { kind: 'shared' } });
    expect(report.shared).toMatchObject({ migrations: ['0000_registry', '0001_currencies'] });
    expect(await fleet.applied('public')).toEqual(['0000_registry', '0001_currencies']);
    expect(await fleet.migrate({ selection: { kind: 'shared' } })).toMatchObject({ shared: { status: 'upToDate' } });
  });
});

describe('shared migrations of plain SQL files', () => {
  it('make the registry, and are undone by their own files', async () => {
    await start(
      { shared: { migrations: './sql', format: 'sql' } },
      {
        'sql/1_registry.up.sql': REGISTRY,
        'sql/1_registry.down.sql': REGISTRY_DOWN,
        'sql/2_currencies.up.sql':
          "CREATE TABLE public.currencies (code text PRIMARY KEY);\nINSERT INTO public.currencies VALUES ('EUR');\n",
        'sql/2_currencies.down.sql': 'DROP TABLE public.currencies;',
      },
    );
    expect((await fleet.migrate()).shared).toMatchObject({ migrations: ['1_registry', '2_currencies'] });
    await fleet.create('acme');
    const back = await rollback(await fleet.project(), { selection: { kind: 'shared' } });
    expect(back.shared).toMatchObject({ status: 'rolledBack', migrations: ['2_currencies'] });
    expect(await fleet.tables('public')).toEqual(['domains', 'pgmigrations', 'tenants']);
    expect((await fleet.migrate()).shared).toMatchObject({ migrations: ['2_currencies'] });
  });

  it('are those of a new project, from init to the first tenant', async () => {
    await start({ shared: { migrations: './sql', format: 'sql' } }, { 'sql/0001_registry.sql': REGISTRY });
    const cli = async (...args: string[]) =>
      await callCli([...args, '--database', database.url], { cwd: fleet.files.root });
    expect(await cli('init')).toMatchObject({ code: 0 });
    expect(await cli('migrate', '--shared')).toMatchObject({ code: 0 });
    expect(await cli('create-tenant', 'acme', 'acme.example.com')).toMatchObject({ code: 0 });
    expect(await cli('status', '--check')).toMatchObject({ code: 0 });
    expect(await cli('doctor')).toMatchObject({ code: 0 });
    const created = await cli('create-migration', 'x', '--shared');
    expect(created).toMatchObject({ code: 2, stderr: expect.stringContaining('plain SQL files') as string });
  });
});

describe('shared migrations of Knex', () => {
  it('make the registry with a raw statement, and tables with the schema builder', async () => {
    await start(
      { shared: { migrations: './knex-shared', format: 'knex' } },
      {
        'knex-shared/1_registry.js': `exports.up = (knex) => knex.raw(${JSON.stringify(REGISTRY)});\nexports.down = (knex) => knex.raw(${JSON.stringify(REGISTRY_DOWN)});\n`,
        'knex-shared/2_currencies.js': `exports.up = async (knex) => {\n  if (await knex.schema.hasTable('currencies')) return;\n  await knex.schema.createTable('currencies', (t) => t.text('code').primary());\n};\nexports.down = (knex) => knex.schema.dropTable('currencies');\n`,
      },
    );
    await linkPackages(fleet.files.root, ['knex']);
    expect((await fleet.migrate()).shared).toMatchObject({ migrations: ['1_registry', '2_currencies'] });
    await fleet.create('acme');
    expect(await fleet.tables('public')).toEqual(['currencies', 'domains', 'pgmigrations', 'tenants']);
    const back = await rollback(await fleet.project(), { selection: { kind: 'shared' } });
    expect(back.shared).toMatchObject({ migrations: ['2_currencies'] });
  });
});
