import { describe, expect, it } from 'vitest';

import { tenantLock } from '../../src/db/locks.js';
import { doctor } from '../../src/doctor/doctor.js';
import { creationLock } from '../../src/lifecycle/creation-lock.js';
import { checkOf, find, wrongChecks } from '../support/doctor.js';
import { useFleet } from '../support/fleet.js';

const fleet = useFleet({ each: true, tenants: [] });
const { database } = fleet;

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
  it('a creation that was cut off is finished, with domains, type and hooks', async () => {
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
    const { checks } = await doctor({ ...project, hooks }, { fix: true });
    expect(find(checks, 'unfinished-creations')).toMatchObject({ ok: true, fixed: true });
    expect(find(checks, 'unfinished-creations').done).toHaveLength(3);
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(await rows()).toEqual({ a1: 'active', half: 'active', bare: 'active', [HOSTILE]: 'active' });
    for (const schema of ['half', 'bare', HOSTILE]) {
      expect(await fleet.applied(schema)).toEqual(['0001_projects', '0002_index']);
    }
    expect(told).toContainEqual(expect.objectContaining({ tenant: 'half', domains: ['half.example'] }));
    const again = await doctor(project, { fix: true });
    expect(again.checks.filter(({ ok, fixed }) => !ok || fixed)).toEqual([]);
  });

  it('one that cannot be finished stays as it is, with the reason, and others go on', async () => {
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

  it('one that someone is at work on is left to them', async () => {
    await database.query(
      `INSERT INTO tenants (schema_name, status) VALUES ('busy', 'provisioning'), ('going', 'deleting')`,
    );
    const client = await database.client();
    await client.query('SELECT pg_advisory_lock($1), pg_advisory_lock($2)', [
      creationLock('busy'),
      tenantLock('going'),
    ]);
    const { checks } = await doctor(await fleet.project(), { fix: true });
    expect(find(checks, 'unfinished-creations')).toMatchObject({
      ok: true,
      fixed: false,
      items: ['busy: in progress'],
    });
    expect(find(checks, 'unfinished-deletions')).toMatchObject({
      ok: true,
      fixed: false,
      items: ['going: in progress'],
    });
    expect(await rows()).toEqual({ busy: 'provisioning', going: 'deleting' });
  });

  it('a deletion that was cut off is finished, and no other schema is dropped', async () => {
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

describe('migrations tables', () => {
  it('get back their primary key; a name twice is for people', async () => {
    await fleet.create('a1', 'a2', 'a3');
    await database.query(`ALTER TABLE a1.pgmigrations DROP CONSTRAINT pgmigrations_pkey; CREATE UNIQUE INDEX ON a1.pgmigrations (id);
      ALTER TABLE pgmigrations DROP CONSTRAINT pgmigrations_pkey;
      ALTER TABLE a2.pgmigrations DROP CONSTRAINT pgmigrations_pkey; UPDATE a2.pgmigrations SET id = 1;
      INSERT INTO a2.pgmigrations (id, name, run_on) VALUES (1, '0001_projects', now())`);
    const project = { ...(await fleet.project()), checkOrder: false };
    const before = await checkOf(project, 'migrations-tables');
    expect(before).toMatchObject({ ok: false, actual: '3 without a primary key, 1 with a duplicate name' });
    const after = await checkOf(project, 'migrations-tables', { fix: true });
    expect(after).toMatchObject({
      ok: false,
      items: ['a2: no primary key', 'a2: 0001_projects twice'],
      done: ['added the primary key of "public"."pgmigrations"', 'added the primary key of "a1"."pgmigrations"'],
      failures: [expect.stringMatching(/^"a2"\."pgmigrations" still has no primary key: /)],
    });
    expect((await fleet.applied('a2')).length).toBe(2);
    await database.query(`DELETE FROM a2.pgmigrations WHERE ctid NOT IN (SELECT min(ctid) FROM a2.pgmigrations)`);
    expect(await checkOf(project, 'migrations-tables', { fix: true })).toMatchObject({ ok: true, fixed: true });
    expect(await wrongChecks(project, { fix: true })).toEqual([]);
  });

  it('of a tenant that someone changes are left alone', async () => {
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

it('a catalog that grew since it was last analyzed is analyzed', async () => {
  await database.query(`DO $$ BEGIN FOR i IN 1..5200 LOOP EXECUTE format('CREATE SEQUENCE s%s', i);
    IF i % 1000 = 0 THEN COMMIT; END IF; END LOOP; END $$`);
  // Autovacuum is told that there is nothing for it to do, and must not be faster than the it.
  await database.query('ANALYZE pg_class');
  await database.query(`UPDATE pg_class SET reltuples = 400 WHERE oid = 'pg_class'::regclass`);
  const project = await fleet.project();
  expect(await checkOf(project, 'catalog-statistics')).toMatchObject({ ok: false });
  expect(await checkOf(project, 'catalog-statistics', { fix: true })).toMatchObject({ ok: true, fixed: true });
  expect(await checkOf(project, 'catalog-statistics', { fix: true })).toMatchObject({ ok: true, fixed: false });
});

it('an analysis that waits for another session ends at the second signal', async () => {
  await database.query(`DO $$ BEGIN FOR i IN 1..5200 LOOP EXECUTE format('CREATE SEQUENCE s%s', i);
    IF i % 1000 = 0 THEN COMMIT; END IF; END LOOP; END $$`);
  await database.query('ANALYZE pg_class');
  await database.query(`UPDATE pg_class SET reltuples = 400 WHERE oid = 'pg_class'::regclass`);
  const other = await database.client();
  await other.query('BEGIN');
  await other.query('ANALYZE pg_namespace');
  const [drain, cancel] = [new AbortController(), new AbortController()];
  const checked = checkOf({ ...(await fleet.project()), lockTimeoutMs: 0 }, 'catalog-statistics', {
    fix: true,
    drain: drain.signal,
    cancel: cancel.signal,
  });
  await expect
    .poll(
      async () =>
        (await database.query(`SELECT FROM pg_locks WHERE NOT granted AND relation = 'pg_namespace'::regclass`))
          .rowCount,
      { timeout: 10_000 },
    )
    .toBe(1);
  drain.abort();
  cancel.abort();
  const since = performance.now();
  expect(await checked).toMatchObject({
    ok: false,
    fixed: false,
    failures: [expect.stringContaining('the catalog was not analyzed') as string],
  });
  expect(performance.now() - since).toBeLessThan(10_000);
  await other.query('ROLLBACK');
});

it('after the first signal no other repair is begun', async () => {
  await database.query(`INSERT INTO tenants (schema_name, status) VALUES ('half', 'provisioning')`);
  const check = await checkOf(await fleet.project(), 'unfinished-creations', { fix: true, drain: AbortSignal.abort() });
  expect(check).toMatchObject({ ok: false, failures: [expect.stringContaining('interrupted')] });
  expect(await rows()).toEqual({ half: 'provisioning' });
});

it('a control connection that breaks is made again, and the repairs go on', async () => {
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
  const { checks } = await doctor(await fleet.project({ hooks: { beforeCreateTenant } }), { fix: true });
  expect(cut).toBe(1);
  expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(checks.filter(({ fixed }) => fixed).map(({ name }) => name)).toEqual([
    'migrations-tables',
    'unfinished-creations',
  ]);
  expect(await rows()).toEqual({ a1: 'active', half: 'active', more: 'active' });
});
