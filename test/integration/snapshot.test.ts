import { cp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import type { FleetEvent } from '../../src/fleet/types.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { createTenants } from '../../src/lifecycle/many/create-tenants.js';
import { snapshot } from '../../src/lifecycle/snapshot/take.js';
import type { SnapshotOptions, SnapshotReport } from '../../src/lifecycle/snapshot/types.js';
import type { Project } from '../../src/project/project.js';
import { drift } from '../../src/structure/drift.js';
import { RICH } from '../fixtures/rich-schema.js';
import { REPOSITORY } from '../support/build.js';
import { useFleet } from '../support/fleet.js';
import { TENANT_DIRECTORY, readFixture } from '../support/format-fixtures.js';

const fleet = useFleet({ tenants: [] });
const directory = (): string => fleet.files.path('migrations/tenant');

beforeEach(async () => {
  const { rows } = await fleet.database.query<{ schema: string }>('SELECT schema_name AS schema FROM tenants');
  for (const { schema } of rows) await fleet.database.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  await fleet.database.query('DELETE FROM tenants; DROP TABLE IF EXISTS tenants_journal.snapshots');
  await write({});
});

/** Puts files in the place of all tenant migrations. */
async function write(files: Record<string, string>): Promise<void> {
  await rm(directory(), { recursive: true, force: true });
  await rm(fleet.files.path(TENANT_DIRECTORY), { recursive: true, force: true });
  for (const [name, text] of Object.entries({ ...files })) await fleet.files.write(`migrations/tenant/${name}`, text);
}

async function take(options: SnapshotOptions = {}, overrides: Partial<Project> = {}): Promise<SnapshotReport> {
  return await snapshot(await fleet.project(overrides), options);
}

/** Creates a tenant and returns what was said about it. */
async function create(
  schema: string,
  options: { snapshot?: boolean } = {},
  overrides: Partial<Project> = {},
): Promise<{ migrations: string[]; said: string[] }> {
  const said: string[] = [];
  const onEvent = (event: FleetEvent): void => {
    if (event.type === 'warning') said.push(event.message);
  };
  const made = await createTenant(await fleet.project(overrides), { schema, onEvent, ...options });
  return { migrations: made.migrations, said };
}

/** A tenant that started from the snapshot and one that replayed the migrations are the same, with all rows. */
async function expectSame(overrides: Partial<Project> = {}): Promise<void> {
  const replayed = await create('replayed', { snapshot: false }, overrides);
  const started = await create('started', { snapshot: true }, overrides);
  expect(started).toEqual({ ...replayed, said: [] });
  const report = await drift(await fleet.project(overrides), { level: 'owners' });
  expect(report.groups.flatMap(({ differences }) => differences)).toEqual([]);
  expect(report.tenants).toMatchObject({ total: 2, equal: 2 });
  expect(await rowsOf('started')).toEqual(await rowsOf('replayed'));
}

/** How many rows each table has, and how far each sequence is. */
async function rowsOf(schema: string): Promise<unknown> {
  const { rows } = await fleet.database.query(
    `SELECT c.relname AS name, CASE c.relkind WHEN 'S' THEN (SELECT last_value::text FROM pg_sequences s WHERE s.schemaname = $1 AND s.sequencename = c.relname)
        ELSE (xpath('//n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I.%I', $1::text, c.relname), false, true, '')))[1]::text END AS value
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'S') ORDER BY 1`,
    [schema],
  );
  return rows;
}

const FIRST = `-- Up Migration
CREATE TABLE projects (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
INSERT INTO projects (name) VALUES ('first');
`;

describe('a tenant that starts from a snapshot', () => {
  it('is the same as one that replayed the migrations: nearly everything that a schema can hold', async () => {
    await write({ '0001_rich.sql': RICH, '0002_rows.sql': `INSERT INTO customers (name) VALUES ('a'), ('b');` });
    const report = await take();
    expect(report).toMatchObject({ file: null, snapshots: [{ type: null, last: '0002_rows', migrations: 2 }] });
    await expectSame();
    expect((await fleet.migrate()).tenants).toMatchObject({ total: 2, upToDate: 2 });
  });

  it('is the same with the migrations of the sample application', async () => {
    const sample = join(REPOSITORY, 'migrations');
    for (const file of await readdir(join(sample, 'shared'))) {
      if (file.startsWith('0001')) continue;
      const text = await readFile(join(sample, 'shared', file), 'utf8');
      await fleet.files.write(`migrations/shared/${file}`, text);
    }
    await fleet.migrate({ selection: { kind: 'shared' } });
    await cp(join(sample, 'tenant'), directory(), { recursive: true });
    await take();
    await expectSame();
  });

  it.each<[fixture: string, format: string]>([
    ['drizzle', 'drizzle'],
    ['prisma', 'prisma'],
    ['pairs', 'sql'],
    ['plain', 'sql'],
    ['dbmate', 'sql'],
    ['goose', 'sql'],
    ['flyway', 'sql'],
  ])('is the same with the migrations of %s', async (fixture, format) => {
    for (const [path, text] of Object.entries(await readFixture(fixture))) {
      await fleet.files.write(`${TENANT_DIRECTORY}/${path}`, text);
    }
    const { tenants } = await fleet.project();
    const overrides = {
      tenants: { ...tenants, migrations: fleet.files.path(TENANT_DIRECTORY), format: format as 'sql' },
    };
    await take({}, overrides);
    await expectSame(overrides);
  });

  it('gets the migrations that came after it', async () => {
    await write({ '0001_projects.sql': FIRST });
    await take();
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
    await fleet.tenantMigration(
      '0003_index.sql',
      '-- Up Migration\n-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY named ON projects (name);\n',
    );
    await expectSame();
    expect((await create('third')).migrations).toEqual(['0001_projects', '0002_two', '0003_index']);
  });

  it('has its hooks called as usual', async () => {
    await write({ '0001_projects.sql': FIRST, '0002_two.sql': 'CREATE TABLE two (id int);' });
    await take();
    const seen: string[] = [];
    const hooks = {
      beforeMigrate: ({ migrations }: { migrations: string[] }) => void seen.push(`before ${migrations.join()}`),
      afterMigrate: ({ migrations }: { migrations: string[] }) => void seen.push(`after ${migrations.join()}`),
      afterCreateTenant: () => void seen.push('created'),
    };
    await create('acme', { snapshot: true }, { hooks });
    expect(seen).toEqual(['before 0001_projects,0002_two', 'after 0001_projects,0002_two', 'created']);
  });

  it('is one of many as well', async () => {
    await write({ '0001_projects.sql': FIRST });
    await take();
    const tenants = [{ schema: 'a' }, { schema: 'b' }, { schema: 'c' }];
    const report = await createTenants(await fleet.project(), { tenants, snapshot: true });
    expect(report.tenants).toMatchObject({ created: 3, failed: 0 });
    expect((await drift(await fleet.project(), {})).tenants).toMatchObject({ total: 3, different: 0 });
  });
});

describe('a snapshot', () => {
  it('is not used after a file or a setting changed, with one line that says so', async () => {
    await write({ '0001_projects.sql': FIRST });
    expect((await create('none')).said).toEqual([]);
    expect((await create('wanted', { snapshot: true })).said).toEqual([expect.stringContaining('none has been taken')]);
    await take();
    expect((await create('valid')).said).toEqual([]);
    await write({ '0001_projects.sql': FIRST.replace('name text', 'name text, more int') });
    const { said, migrations } = await create('changed');
    expect(migrations).toEqual(['0001_projects']);
    expect(said).toEqual([expect.stringContaining('files or settings have changed since')]);
    const { rows } = await fleet.database.query(
      `SELECT FROM information_schema.columns WHERE table_schema = 'changed' AND column_name = 'more'`,
    );
    expect(rows).toHaveLength(1);
    await write({ '0000_before.sql': 'SELECT 1;', '0001_projects.sql': FIRST });
    expect((await create('other')).said).toEqual([expect.stringContaining('other migrations than the files')]);
    await write({ '0001_projects.sql': FIRST });
    expect((await create('again')).said).toEqual([]);
    expect((await create('not', { snapshot: false })).said).toEqual([]);
  });

  it('can be a file that the project commits', async () => {
    await write({ '0001_projects.sql': FIRST });
    const file = fleet.files.path('snapshot.json');
    expect(await take({ file })).toMatchObject({ file });
    const overrides = { snapshot: { file }, journal: false } as const;
    await expectSame(overrides);
    await fleet.files.write('snapshot.json', 'not a snapshot');
    await expect(create('acme', {}, overrides)).rejects.toMatchObject({ code: 'USAGE' });
    await rm(file);
    expect((await create('acme', {}, overrides)).said).toEqual([]);
  });

  it('that fails is replaced by the migrations, and nothing is left behind', async () => {
    await write({ '0001_projects.sql': FIRST });
    await take();
    await fleet.database.query(
      `UPDATE tenants_journal.snapshots SET body = body || '{"sql":"CREATE TABLE projects (id int); SELECT 1 / 0;"}'`,
    );
    const { said, migrations } = await create('acme');
    expect(migrations).toEqual(['0001_projects']);
    expect(said).toEqual([expect.stringContaining('division by zero')]);
    expect(await rowsOf('acme')).toContainEqual({ name: 'projects', value: '1' });
    const tenants = [{ schema: 'a' }, { schema: 'b' }];
    const report = await createTenants(await fleet.project(), { tenants });
    expect(report.tenants).toMatchObject({ created: 2, failed: 0 });
  });

  it('in a table that somebody else may write to is not used', async () => {
    await write({ '0001_projects.sql': FIRST });
    await take();
    await fleet.database.query('GRANT INSERT ON tenants_journal.snapshots TO PUBLIC');
    expect((await create('acme', { snapshot: true })).said).toEqual([expect.stringContaining('none has been taken')]);
    await expect(take()).rejects.toMatchObject({ code: 'JOURNAL_UNUSABLE' });
  });

  it('is refused where it would not be the same, and without a journal', async () => {
    await write({
      '0001_projects.sql': 'CREATE TABLE projects (at text); INSERT INTO projects SELECT current_schema();',
    });
    await expect(take()).rejects.toMatchObject({ code: 'NOT_REPRODUCIBLE' });
    await write({ '0001_projects.sql': FIRST });
    await expect(take({}, { journal: false })).rejects.toMatchObject({ code: 'USAGE' });
    expect((await create('acme', { snapshot: true })).said).toEqual([expect.stringContaining('none has been taken')]);
  });
});

describe('what PostgreSQL writes in more than one way', () => {
  it('lists of values of a varchar are the same after they were written as SQL and executed', async () => {
    await write({
      '0001_lists.sql': `CREATE TABLE orders (id int PRIMARY KEY, tags varchar[] DEFAULT ARRAY['a', 'b']::varchar[], total int,
          state varchar(20) CHECK (state IN ('new', 'it''s, (paid)', E'back\\\\slash')), note varchar CHECK (note NOT IN ('x', 'y')));
        CREATE INDEX open_orders ON orders (id) WHERE state IN ('new', 'paid') AND note <> 'z';
        CREATE VIEW open AS SELECT id, state IN ('new', 'paid') AS is_open FROM orders WHERE note IN ('a', 'b');
        CREATE DOMAIN color AS varchar CHECK (VALUE IN ('red', 'green'));
        ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON orders USING (state IN ('new', 'paid')) WITH CHECK (note IN ('a', 'b', 'c'));`,
    });
    await take();
    await expectSame();
  });

  it('and in a schema that was restored from a dump', async () => {
    await write({
      '0001_lists.sql': `CREATE TABLE orders (state varchar CHECK (state IN ('new', 'paid')));
        CREATE INDEX open_orders ON orders (state) WHERE state IN ('new', 'open');`,
    });
    for (const schema of ['first', 'second', 'third']) await create(schema);
    const { rows } = await fleet.database.query<{ check: string; index: string }>(
      `SELECT pg_get_constraintdef(k.oid) AS check, pg_get_indexdef('third.open_orders'::regclass) AS index
         FROM pg_constraint k WHERE k.conrelid = 'third.orders'::regclass AND k.contype = 'c'`,
    );
    await fleet.database.query(`DROP INDEX third.open_orders; ${rows[0]?.index};
      ALTER TABLE third.orders DROP CONSTRAINT orders_state_check; ALTER TABLE third.orders ADD CONSTRAINT orders_state_check ${rows[0]?.check}`);
    const after = await fleet.database.query<{ check: string }>(
      `SELECT pg_get_constraintdef(oid) AS check FROM pg_constraint WHERE conrelid = 'third.orders'::regclass AND contype = 'c'`,
    );
    expect(after.rows[0]?.check).not.toBe(rows[0]?.check);
    const report = await drift(await fleet.project());
    expect(report.groups.flatMap(({ differences }) => differences)).toEqual([]);
    expect(report.tenants).toMatchObject({ total: 3, equal: 3 });
  });
});

describe('temporary tables of migrations', () => {
  it('do not meet those of the next schema in which they are run', async () => {
    await write({
      '0001_scratch.sql': `CREATE TEMP TABLE scratch ON COMMIT DROP AS SELECT 1 AS id; CREATE TEMP TABLE kept (id int);
        CREATE TABLE copied AS SELECT * FROM scratch;`,
    });
    await take();
    await expectSame();
  });
});
