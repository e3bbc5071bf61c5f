import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { tenantLock } from '../../src/db/index.js';
import { creationLock } from '../../src/fleet/creation-lock.js';
import { doctor } from '../../src/fleet/doctor.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { checkOf, find, wrongChecks } from '../support/doctor.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

let database: TestDatabase;
let fleet: TestFleet;

beforeEach(async () => {
  database = await createTestDatabase();
  fleet = await createFleet(database);
  await fleet.migrate({ selection: { kind: 'shared' } });
});
afterEach(async () => {
  await fleet.remove();
  await database.drop();
});

const HOSTILE = `We"ird 'é`;
const QUOTED = `"We""ird 'é"`;

async function rows(): Promise<Record<string, string>> {
  const found = await database.query<{ name: string; status: string }>(
    'SELECT schema_name AS name, status FROM tenants',
  );
  return Object.fromEntries(found.rows.map(({ name, status }) => [name, status]));
}

async function schemaExists(name: string): Promise<boolean> {
  return (await database.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [name])).rows.length === 1;
}

describe('tenants between two states', () => {
  test('a creation that was cut off is finished, with domains, type and hooks', async () => {
    await fleet.create('a1');
    await fleet.tenantMigration(
      '0002_index.sql',
      '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY i ON projects (name);',
    );
    await database.query(`INSERT INTO tenants (schema_name, status) VALUES ('half', 'provisioning'), ('bare', 'provisioning');
      INSERT INTO domains (domain, tenant_id, is_primary) SELECT 'half.example', id, true FROM tenants WHERE schema_name = 'half';
      CREATE SCHEMA half; CREATE SCHEMA ${QUOTED};
      CREATE TABLE half.pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)`);
    await database.query(`INSERT INTO tenants (schema_name, status) VALUES ($1, 'provisioning')`, [HOSTILE]);
    await fleet.migrate({ selection: { kind: 'tenants', names: ['a1'] } });
    const project = await fleet.project();
    const before = await checkOf(project, 'unfinished-creations');
    expect(before).toMatchObject({ ok: false, actual: '3 tenants left behind' });
    expect(before.items?.toSorted()).toEqual(['bare', 'half', HOSTILE].toSorted());
    // They are no tenants whose schema got lost.
    expect(await wrongChecks(project)).toEqual(['unfinished-creations']);

    const told: unknown[] = [];
    const hooks = { afterCreateTenant: (context: unknown) => void told.push(context) };
    const { checks } = await doctor(project, { fix: true, hooks });
    expect(find(checks, 'unfinished-creations')).toMatchObject({ ok: true, fixed: true });
    expect(find(checks, 'unfinished-creations').done).toHaveLength(3);
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(await rows()).toEqual({ a1: 'active', half: 'active', bare: 'active', [HOSTILE]: 'active' });
    for (const schema of ['half', 'bare', HOSTILE]) {
      expect(await fleet.applied(schema)).toEqual(['0001_projects', '0002_index']);
    }
    expect(told).toContainEqual({ tenant: 'half', domains: ['half.example'] });
    const again = await doctor(project, { fix: true });
    expect(again.checks.filter(({ ok, fixed }) => !ok || fixed)).toEqual([]);
  });

  test('one that cannot be finished stays as it is, with the reason, and others go on', async () => {
    await fleet.create('a1');
    await database.query(`INSERT INTO tenants (schema_name, status) VALUES ('bad', 'provisioning'), ('good', 'provisioning');
      CREATE SCHEMA bad; CREATE TABLE bad.projects (id int)`);
    const check = await checkOf(await fleet.project(), 'unfinished-creations', { fix: true });
    expect(check).toMatchObject({
      ok: false,
      fixed: false,
      items: ['bad'],
      done: ['finished the tenant "good"'],
      failures: [expect.stringMatching(/^the tenant "bad" was not finished: .*already exists/)],
    });
    expect(await rows()).toEqual({ a1: 'active', bad: 'provisioning', good: 'active' });
    expect(await fleet.tables('bad')).toEqual(['projects']);
  });

  test('one that somebody is at work on is left to them', async () => {
    await database.query(
      `INSERT INTO tenants (schema_name, status) VALUES ('busy', 'provisioning'), ('going', 'deleting')`,
    );
    const client = await database.client();
    await client.query('SELECT pg_advisory_lock($1), pg_advisory_lock($2)', [
      creationLock('busy'),
      tenantLock('going'),
    ]);
    const { checks } = await doctor(await fleet.project(), { fix: true });
    expect(find(checks, 'unfinished-creations')).toMatchObject({ ok: true, fixed: false, items: ['busy: at work'] });
    expect(find(checks, 'unfinished-deletions')).toMatchObject({ ok: true, fixed: false, items: ['going: at work'] });
    expect(await rows()).toEqual({ busy: 'provisioning', going: 'deleting' });
  });

  test('a deletion that was cut off is finished, and no other schema is dropped', async () => {
    await fleet.create('a1', 'going');
    await database.query(`CREATE SCHEMA ${QUOTED}; CREATE TABLE ${QUOTED}.t (id int)`);
    await database.query(`INSERT INTO tenants (schema_name, status) VALUES ($1, 'deleting')`, [HOSTILE]);
    await database.query(`UPDATE tenants SET status = 'deleting' WHERE schema_name = 'going'`);
    const project = await fleet.project();
    expect(await checkOf(project, 'unfinished-deletions')).toMatchObject({
      ok: false,
      items: ['going', HOSTILE].toSorted(),
    });
    expect(await checkOf(project, 'unfinished-deletions', { fix: true })).toMatchObject({ ok: true, fixed: true });
    expect(await rows()).toEqual({ a1: 'active' });
    expect([await schemaExists('a1'), await schemaExists('going'), await schemaExists(HOSTILE)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(await wrongChecks(project, { fix: true })).toEqual([]);
  });
});

describe('invalid indexes', () => {
  /** An index as a build that was cut off leaves it. */
  async function invalidate(index: string): Promise<void> {
    await database.query(`UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = $1::regclass`, [
      index,
    ]);
  }
  async function indexes(schema: string): Promise<[string, boolean][]> {
    const found = await database.query<{ name: string; valid: boolean }>(
      `SELECT x.relname AS name, i.indisvalid AS valid FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
        WHERE x.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) ORDER BY 1`,
      [schema],
    );
    return found.rows.map(({ name, valid }) => [name, valid]);
  }

  test('of recorded migrations are rebuilt in place, constraints kept, and leftovers are dropped', async () => {
    await fleet.create('a1');
    await database.query(`CREATE SCHEMA ${QUOTED}`);
    await database.query('INSERT INTO tenants (schema_name) VALUES ($1)', [HOSTILE]);
    await fleet.migrate({ selection: { kind: 'tenants' } });
    await database.query(`ALTER TABLE ${QUOTED}.projects ADD CONSTRAINT u_ccnew UNIQUE (name);
      CREATE INDEX "I""x" ON ${QUOTED}.projects (name); CREATE INDEX left_ccnew ON ${QUOTED}.projects (name);
      CREATE INDEX old_ccold1 ON a1.projects (name); CREATE INDEX fine_ccnew ON a1.projects (name); CREATE INDEX shared ON tenants (name)`);
    for (const index of [
      `${QUOTED}.u_ccnew`,
      `${QUOTED}."I""x"`,
      `${QUOTED}.left_ccnew`,
      'a1.old_ccold1',
      'public.shared',
    ]) {
      await invalidate(index);
    }
    const project = await fleet.project();
    const before = await checkOf(project, 'invalid-indexes');
    expect(before).toMatchObject({ ok: false, actual: '5 invalid indexes' });
    expect(before.items?.toSorted()).toEqual(
      [
        'a1.old_ccold1: left over from REINDEX',
        'public.shared: its migration is recorded',
        `${HOSTILE}.I"x: its migration is recorded`,
        `${HOSTILE}.left_ccnew: left over from REINDEX`,
        `${HOSTILE}.u_ccnew: its migration is recorded`,
      ].toSorted(),
    );
    const after = await checkOf(project, 'invalid-indexes', { fix: true });
    expect(after).toMatchObject({ ok: true, fixed: true });
    expect(after.done).toHaveLength(5);
    expect(await indexes('a1')).toEqual([
      ['fine_ccnew', true],
      ['pgmigrations_pkey', true],
      ['projects_pkey', true],
    ]);
    expect(await indexes(HOSTILE)).toEqual([
      ['I"x', true],
      ['pgmigrations_pkey', true],
      ['projects_pkey', true],
      ['u_ccnew', true],
    ]);
    expect(await wrongChecks(project, { fix: true })).toEqual([]);
  });

  test('of a tenant that is behind are left to migrate, which builds them', async () => {
    await fleet.create('a1');
    await fleet.tenantMigration(
      '0002_index.sql',
      '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY i ON projects (name);',
    );
    await database.query('CREATE INDEX i ON a1.projects (id)');
    await invalidate('a1.i');
    const project = await fleet.project();
    const check = await checkOf(project, 'invalid-indexes', { fix: true });
    expect(check).toMatchObject({ ok: false, items: ['a1.i: its schema has pending migrations'] });
    expect(check.suggestions).toEqual([expect.stringContaining('tenants migrate --tenant a1')]);
    await fleet.migrate();
    expect(await checkOf(project, 'invalid-indexes')).toMatchObject({ ok: true });
  });

  test('of the shared schema while it is behind are left to migrate, too', async () => {
    await fleet.files.write(
      'migrations/shared/0002_i.sql',
      '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY i ON tenants (name);',
    );
    await database.query('CREATE INDEX i ON tenants (name)');
    await invalidate('public.i');
    const check = await checkOf(await fleet.project(), 'invalid-indexes', { fix: true });
    expect(check).toMatchObject({ ok: false, items: ['public.i: its schema has pending migrations'] });
    expect(check.suggestions).toEqual([expect.stringContaining('tenants migrate --shared')]);
  });

  test('of a tenant out of order that lacks a migration are left alone although the order is accepted', async () => {
    await fleet.create('a1');
    await fleet.tenantMigration(
      '0000_index.sql',
      '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY i ON projects (name);',
    );
    await database.query('CREATE INDEX i ON a1.projects (id)');
    await invalidate('a1.i');
    const project = { ...(await fleet.project()), checkOrder: false };
    expect(await checkOf(project, 'invalid-indexes', { fix: true })).toMatchObject({
      ok: false,
      items: ['a1.i: its schema has pending migrations'],
    });
    expect(await indexes('a1')).toContainEqual(['i', false]);
  });

  test('that a REINDEX of a table left over are dropped, those of its TOAST table included', async () => {
    await fleet.create('a1');
    const blocker = await database.client();
    await blocker.query('BEGIN; INSERT INTO a1.projects (name) VALUES (1)');
    const client = await database.client();
    const reindex = client.query('REINDEX TABLE CONCURRENTLY a1.projects').catch((error: unknown) => error);
    await expect.poll(() => indexes('a1')).toContainEqual(['projects_pkey_ccnew', false]);
    const { processID } = client as unknown as { processID: number };
    await database.query('SELECT pg_cancel_backend($1)', [processID]);
    expect(await reindex).toMatchObject({ code: '57014' });
    await blocker.query('ROLLBACK');
    const project = await fleet.project();
    const check = await checkOf(project, 'invalid-indexes');
    expect(check.items?.toSorted()).toEqual([
      expect.stringMatching(/^a1\.pg_toast_\d+_index_ccnew: left over from REINDEX$/),
      'a1.projects_pkey_ccnew: left over from REINDEX',
    ]);
    expect(await checkOf(project, 'invalid-indexes', { fix: true })).toMatchObject({ ok: true, fixed: true });
    expect(await indexes('a1')).toEqual([
      ['pgmigrations_pkey', true],
      ['projects_pkey', true],
    ]);
  });

  test('of a partitioned table are told, not touched', async () => {
    await fleet.create('a1');
    await database.query(`CREATE TABLE a1.p (id int) PARTITION BY RANGE (id); CREATE TABLE a1.p1 PARTITION OF a1.p FOR VALUES FROM (0) TO (9);
      CREATE INDEX whole ON ONLY a1.p (id)`);
    const check = await checkOf(await fleet.project(), 'invalid-indexes', { fix: true });
    expect(check).toMatchObject({ ok: false, items: ['a1.whole: a partition lacks its index'] });
    expect(check.failures).toBeUndefined();
  });

  test('one that cannot be rebuilt stays, with the reason and without what was begun', async () => {
    await fleet.create('a1');
    await database.query(`CREATE UNIQUE INDEX twice ON a1.projects (name)`);
    await invalidate('a1.twice');
    await database.query(`INSERT INTO a1.projects (name) VALUES ('x'), ('x')`);
    const check = await checkOf(await fleet.project(), 'invalid-indexes', { fix: true });
    expect(check).toMatchObject({
      ok: false,
      fixed: false,
      items: ['a1.twice: its migration is recorded'],
      failures: [expect.stringMatching(/^"a1"\."twice" was not rebuilt: could not create unique index/)],
    });
    expect((await indexes('a1')).map(([name]) => name)).toEqual(['pgmigrations_pkey', 'projects_pkey', 'twice']);
  });

  test('one that is being built at the moment is not reported', async () => {
    await fleet.create('a1');
    const blocker = await database.client();
    await blocker.query('BEGIN; INSERT INTO a1.projects (name) VALUES (1)');
    const builder = await database.client();
    const built = builder.query('CREATE INDEX CONCURRENTLY slow ON a1.projects (name)');
    const project = await fleet.project();
    await expect.poll(() => indexes('a1')).toContainEqual(['slow', false]);
    expect(await checkOf(project, 'invalid-indexes')).toMatchObject({ ok: true });
    await blocker.query('COMMIT');
    await built;
    expect(await indexes('a1')).toContainEqual(['slow', true]);
  });
});

describe('migrations tables', () => {
  test('get back their primary key; a name twice is for people', async () => {
    await fleet.create('a1', 'a2', 'a3');
    await database.query(`ALTER TABLE a1.pgmigrations DROP CONSTRAINT pgmigrations_pkey;
      ALTER TABLE pgmigrations DROP CONSTRAINT pgmigrations_pkey;
      ALTER TABLE a2.pgmigrations DROP CONSTRAINT pgmigrations_pkey; UPDATE a2.pgmigrations SET id = 1;
      INSERT INTO a2.pgmigrations (id, name, run_on) VALUES (1, '0001_projects', now())`);
    const project = { ...(await fleet.project()), checkOrder: false };
    const before = await checkOf(project, 'migrations-tables');
    expect(before).toMatchObject({ ok: false, actual: '3 without a primary key, 1 with a name twice' });
    const after = await checkOf(project, 'migrations-tables', { fix: true });
    expect(after).toMatchObject({
      ok: false,
      items: ['a2: no primary key', 'a2: 0001_projects twice'],
      done: ['added the primary key of "public"."pgmigrations"', 'added the primary key of "a1"."pgmigrations"'],
      failures: [expect.stringMatching(/^"a2"\."pgmigrations" has no primary key still: /)],
    });
    expect((await fleet.applied('a2')).length).toBe(2);
    await database.query(`DELETE FROM a2.pgmigrations WHERE ctid NOT IN (SELECT min(ctid) FROM a2.pgmigrations)`);
    expect(await checkOf(project, 'migrations-tables', { fix: true })).toMatchObject({ ok: true, fixed: true });
    expect(await wrongChecks(project, { fix: true })).toEqual([]);
  });

  test('of a tenant that somebody changes are left alone', async () => {
    await fleet.create('a1');
    await database.query('ALTER TABLE a1.pgmigrations DROP CONSTRAINT pgmigrations_pkey');
    const client = await database.client();
    await client.query('SELECT pg_advisory_lock($1)', [tenantLock('a1')]);
    const project = { ...(await fleet.project()), lockTimeoutMs: 200 };
    expect(await checkOf(project, 'migrations-tables', { fix: true })).toMatchObject({
      ok: false,
      failures: [expect.stringMatching(/being changed by process \d+/)],
    });
  });
});

test('a catalog that grew since it was last analyzed is analyzed', async () => {
  await database.query(`DO $$ BEGIN FOR i IN 1..5200 LOOP EXECUTE format('CREATE SEQUENCE s%s', i);
    IF i % 1000 = 0 THEN COMMIT; END IF; END LOOP; END $$`);
  // Autovacuum is told that there is nothing for it to do, and must not be faster than the test.
  await database.query('ANALYZE pg_class');
  await database.query(`UPDATE pg_class SET reltuples = 400 WHERE oid = 'pg_class'::regclass`);
  const project = await fleet.project();
  expect(await checkOf(project, 'catalog-statistics')).toMatchObject({ ok: false });
  expect(await checkOf(project, 'catalog-statistics', { fix: true })).toMatchObject({ ok: true, fixed: true });
  expect(await checkOf(project, 'catalog-statistics', { fix: true })).toMatchObject({ ok: true, fixed: false });
});

test('after the first signal no other repair is begun', async () => {
  await database.query(`INSERT INTO tenants (schema_name, status) VALUES ('half', 'provisioning')`);
  const check = await checkOf(await fleet.project(), 'unfinished-creations', { fix: true, drain: AbortSignal.abort() });
  expect(check).toMatchObject({ ok: false, failures: [expect.stringContaining('interrupted')] });
  expect(await rows()).toEqual({ half: 'provisioning' });
});

test('a control connection that breaks is made anew, and the repairs go on', async () => {
  await fleet.create('a1');
  await database.query(
    `INSERT INTO tenants (schema_name, status) VALUES ('half', 'provisioning'), ('more', 'provisioning')`,
  );
  await database.query('ALTER TABLE a1.pgmigrations DROP CONSTRAINT pgmigrations_pkey');
  let cut = 0;
  const beforeCreateTenant = async (): Promise<void> => {
    if (cut > 0) return;
    const { rowCount } = await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tenants: doctor --fix' AND datname = current_database()`,
    );
    cut += rowCount ?? 0;
  };
  const { checks } = await doctor(await fleet.project(), { fix: true, hooks: { beforeCreateTenant } });
  expect(cut).toBe(1);
  expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(checks.filter(({ fixed }) => fixed).map(({ name }) => name)).toEqual([
    'migrations-tables',
    'unfinished-creations',
  ]);
  expect(await rows()).toEqual({ a1: 'active', half: 'active', more: 'active' });
});
