import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { checksums } from '../../src/fleet/checksums/checksums.js';
import { status } from '../../src/fleet/status.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { plan } from '../../src/run/plan.js';
import { rollback } from '../../src/run/rollback.js';
import { useDatabase } from '../support/database.js';
import { prepareFleet, type TestFleet } from '../support/fleet.js';
import { createFormatFleet, TENANT_DIRECTORY } from '../support/format-fixtures.js';
import { callCli } from '../support/run-cli.js';

const TENANTS = ['t1', 'Odd "Tenant"', 't3'];
const TENANTS_ONLY = { selection: { kind: 'tenants' as const } };

/** Three tenants that have nothing yet; one of them was there before and has an odd name. */
const database = useDatabase({
  each: true,
  template: () =>
    prepareFleet('formats', {
      tenants: [],
      emptyTenants: ['t1', 't3'],
      prepare: (made) =>
        made.database.query(`CREATE SCHEMA "Odd ""Tenant""";
          INSERT INTO tenants (schema_name, name, status) VALUES ('Odd "Tenant"', 'odd', 'active')`),
    }),
});
let fleet: TestFleet;
afterEach(() => fleet.remove());

async function start(fixture: string, format: string, settings: Record<string, unknown> = {}): Promise<void> {
  fleet = await createFormatFleet(database, fixture, format, settings);
}

const path = (...parts: string[]): string => join(fleet.files.root, TENANT_DIRECTORY, ...parts);
const tablesOf = async (): Promise<string[][]> => await Promise.all(TENANTS.map((schema) => fleet.tables(schema)));

/** What each format's fixture holds. */
const FIXTURES = [
  { fixture: 'drizzle', format: 'drizzle', names: ['0000_init', '0001_more'], tables: ['tasks', 'users'] },
  {
    fixture: 'drizzle-folders',
    format: 'drizzle',
    names: ['20251103101500_init', '20251104091200_more'],
    tables: ['tasks', 'users'],
  },
  {
    fixture: 'prisma',
    format: 'prisma',
    names: ['20250210083000_init', '20250212140000_more'],
    tables: ['Task', 'User'],
  },
  { fixture: 'plain', format: 'sql', names: ['0001_users', '0002_tasks'], tables: ['tasks', 'users'] },
  { fixture: 'pairs', format: 'sql', names: ['000001_users', '000002_names'], tables: ['users'] },
  {
    fixture: 'dbmate',
    format: 'sql',
    names: ['20240101090000_users', '20240102090000_email_index'],
    tables: ['users'],
  },
  { fixture: 'goose', format: 'sql', names: ['00001_users', '00002_touch'], tables: ['users'] },
  { fixture: 'flyway', format: 'sql', names: ['V1__users', 'V1.2__names', 'V10__notes'], tables: ['users'] },
];

describe.each(FIXTURES)('the $fixture fixture', ({ fixture, format, names, tables }) => {
  it('is applied to every tenant, in order, and has nothing left to do the second time', async () => {
    await start(fixture, format);
    const first = await fleet.migrate();
    expect(first).toMatchObject({ tenants: { total: 3, applied: 3, failed: 0 } });
    for (const schema of TENANTS) expect(await fleet.applied(schema)).toEqual(names);
    expect(await tablesOf()).toEqual(TENANTS.map(() => [...tables, 'pgmigrations'].toSorted()));
    expect(await fleet.tables('public')).not.toContain(tables[0]);
    expect(await fleet.migrate()).toMatchObject({ tenants: { upToDate: 3, applied: 0 } });
  });

  it.skipIf(fixture === 'plain')('is recognized by auto, and named by an error under the default', async () => {
    await start(fixture, 'auto');
    const { tenants } = await fleet.project();
    const { format: _, ...byDefault } = tenants;
    const setting = format === 'sql' ? "format: 'sql'" : `format: '${format}'`;
    await expect(fleet.migrate({}, { tenants: byDefault })).rejects.toMatchObject({
      code: 'MIGRATIONS_UNREADABLE',
      suggestions: [expect.stringContaining(setting) as string],
    });
    expect(await fleet.tables('t1')).toEqual(['pgmigrations']);
    expect((await fleet.migrate()).tenants.applied).toBe(3);
    expect(await fleet.applied('t1')).toEqual(names);
  });
});

describe.each([
  { fixture: 'prisma', format: 'prisma', left: ['20250210083000_init'] },
  { fixture: 'pairs', format: 'sql', left: ['000001_users'] },
  { fixture: 'dbmate', format: 'sql', left: ['20240101090000_users'] },
  { fixture: 'goose', format: 'sql', left: ['00001_users'] },
  { fixture: 'flyway', format: 'sql', left: ['V1__users', 'V1.2__names'] },
])('the way back of the $fixture fixture', ({ fixture, format, left }) => {
  it('is taken for every tenant', async () => {
    await start(fixture, format);
    await fleet.migrate();
    const report = await rollback(await fleet.project(), { ...TENANTS_ONLY, confirmed: true });
    expect(report).toMatchObject({ tenants: { rolledBack: 3 } });
    for (const schema of TENANTS) expect(await fleet.applied(schema)).toEqual(left);
    expect((await fleet.migrate()).tenants.applied).toBe(3);
  });
});

describe('a format without a way back', () => {
  it.each([
    ['drizzle', 'drizzle', '0001_more'],
    ['plain', 'sql', '0002_tasks'],
  ])('refuses to roll back (%s), and changes nothing', async (fixture, format, last) => {
    await start(fixture, format);
    await fleet.migrate();
    await expect(rollback(await fleet.project(), { ...TENANTS_ONLY, confirmed: true })).rejects.toThrow(
      new RegExp(`${last} cannot be undone`),
    );
    expect((await fleet.applied('t1')).at(-1)).toBe(last);
  });
});

describe('a folder of Drizzle', () => {
  beforeEach(async () => {
    await start('drizzle', 'drizzle');
  });

  it('is shown by plan as it will run, with the lines of the file', async () => {
    const report = await plan(await fleet.project(), { selection: { kind: 'all' }, sql: true });
    const sql = JSON.stringify(report.cohorts);
    expect(sql).toContain(String.raw`CREATE TYPE \"status\" AS ENUM('open', 'done')`);
    expect(sql).toContain(String.raw`REFERENCES \"users\"(\"id\")`);
    expect(sql).not.toContain('public');
  });

  it('tells a failing statement by file and line', async () => {
    await database.query('CREATE VIEW t1.open_tasks AS SELECT 1');
    const report = await fleet.migrate();
    expect(report.tenants).toMatchObject({ failed: 1 });
    expect(report.results.find(({ tenant }) => tenant === 't1')).toMatchObject({
      status: 'failed',
      migration: '0001_more',
      error: {
        file: path('0001_more.sql'),
        line: 4,
        statement: expect.stringContaining('CREATE VIEW "open_tasks"') as string,
      },
    });
    expect(await fleet.tables('t1')).toEqual(['pgmigrations']);
  });

  it('keeps the schema of what is not its own, and refuses to change that', async () => {
    await database.query('CREATE TABLE public.currencies (code text PRIMARY KEY)');
    await addDrizzle(
      '0002_currency',
      'ALTER TABLE "users" ADD COLUMN c text REFERENCES "public"."currencies"("code");',
    );
    expect((await fleet.migrate()).tenants).toMatchObject({ applied: 3, failed: 0 });
    await addDrizzle('0003_wrong', '\nALTER TABLE "public"."currencies" ADD COLUMN x int;');
    await expect(fleet.migrate()).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
      details: { migration: '0003_wrong', line: 2, problems: [expect.stringContaining('public.currencies') as string] },
    });
  });

  it('notices an edited file, and one that is missing', async () => {
    await fleet.migrate();
    await fleet.files.write(`${TENANT_DIRECTORY}/0001_more.sql`, 'CREATE TABLE other (id int);');
    const { changed } = await checksums(await fleet.project());
    expect(changed.map(({ migration }) => migration)).toEqual(['0001_more']);

    await rm(path('0001_more.sql'));
    await expect(fleet.migrate()).rejects.toMatchObject({
      code: 'MIGRATIONS_UNREADABLE',
      message: expect.stringContaining('0001_more.sql is in the journal, but there is no file') as string,
    });
    await writeJournal(['0000_init']);
    expect((await status(await fleet.project())).tenants).toMatchObject({ ahead: 3 });
  });

  it('refuses tenants whose migrations are out of order', async () => {
    await fleet.migrate();
    await fleet.files.write(`${TENANT_DIRECTORY}/0000_first.sql`, 'CREATE TABLE first (id int);');
    await writeJournal(['0000_first', '0000_init', '0001_more']);
    const report = await fleet.migrate();
    expect(report).toMatchObject({ tenants: { failed: 3, applied: 0 } });
    expect((await status(await fleet.project())).tenants).toMatchObject({ outOfOrder: 3 });
  });

  it('refuses a file that is not in the journal', async () => {
    await rename(path('0001_more.sql'), path('0001_renamed.sql'));
    await expect(fleet.migrate()).rejects.toThrow(/0001_renamed\.sql is a file, but not in the journal/);
    expect(await fleet.tables('t1')).toEqual(['pgmigrations']);
  });

  it.each(['multiprocessing', 'worker-threads'])('is applied by the executor %s', async (executor) => {
    expect(await fleet.migrate({}, { executor })).toMatchObject({ tenants: { applied: 3 } });
    expect(await tablesOf()).toEqual(TENANTS.map(() => ['pgmigrations', 'tasks', 'users']));
  });

  it('is what a new tenant gets', async () => {
    await createTenant(await fleet.project(), { schema: 'fresh' });
    expect(await fleet.applied('fresh')).toEqual(['0000_init', '0001_more']);
  });

  async function addDrizzle(tag: string, sql: string): Promise<void> {
    await fleet.files.write(`${TENANT_DIRECTORY}/${tag}.sql`, sql);
    const { entries } = JSON.parse(await readFile(path('meta', '_journal.json'), 'utf8')) as {
      entries: { tag: string }[];
    };
    await writeJournal([...entries.map((entry) => entry.tag), tag]);
  }

  async function writeJournal(tags: string[]): Promise<void> {
    const entries = tags.map((tag, idx) => ({ idx, version: '7', when: 1000 + idx, tag, breakpoints: true }));
    await fleet.files.write(
      `${TENANT_DIRECTORY}/meta/_journal.json`,
      JSON.stringify({ version: '7', dialect: 'postgresql', entries }),
    );
  }
});

describe('a folder of plain SQL', () => {
  it('refuses what it cannot decide about, with file and line', async () => {
    await start('pairs', 'sql');
    await fleet.files.write(
      `${TENANT_DIRECTORY}/000003_notes.up.sql`,
      '-- A note.\n\nCREATE TABLE notes (author bigint REFERENCES public.users (id));\n',
    );
    await expect(fleet.migrate()).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
      details: { file: path('000003_notes.up.sql'), line: 3 },
    });
    expect(await fleet.tables('t1')).toEqual(['pgmigrations']);
  });

  it('refuses files of two formats, and names one of each', async () => {
    await start('pairs', 'sql');
    await fleet.files.write(`${TENANT_DIRECTORY}/000003_notes.sql`, '-- +goose Up\nSELECT 1;\n');
    await expect(fleet.migrate()).rejects.toThrow(/000001_users\.down\.sql .*000003_notes\.sql \(goose\)/);
  });

  it('has types of tenants with formats of their own', async () => {
    await start('goose', 'sql', {});
    const project = await fleet.project();
    const tenants = {
      ...project.tenants,
      types: { shop: path('..', 'tenant') },
      typeFormats: { shop: 'node-pg-migrate' as const },
    };
    await createTenant({ ...project, tenants }, { schema: 'shop', type: 'shop' });
    expect(await fleet.applied('shop')).toEqual(['0001_projects']);
  });
});

describe('the command line', () => {
  it('does not write a migration into the folder of another tool, and says how that does it', async () => {
    await start('drizzle', 'drizzle');
    const { code, stderr } = await callCli(['create-migration', 'x'], { cwd: fleet.files.root });
    expect(code).toBe(2);
    expect(stderr).toMatch(/those of Drizzle[^]*npx drizzle-kit generate/);
  });

  it('says what auto has recognized', async () => {
    await start('goose', 'auto');
    expect((await fleet.migrate()).warnings.join('\n')).toMatch(/is read as goose.*format: 'sql'/);
    expect((await fleet.migrate()).warnings).toEqual([]);
  });
});
