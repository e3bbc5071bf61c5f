import { expect, it } from 'vitest';

import { serializeError } from '../../src/errors/serialize.js';
import { isUpToDate, status } from '../../src/fleet/status.js';
import { plan } from '../../src/run/plan.js';
import { useFleet } from '../support/fleet.js';

const fleet = useFleet({ each: true });
const { database } = fleet;

const ready = async (...tenants: string[]): Promise<void> => {
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.create(...tenants);
};

/** Numbers that any change of the database would change. */
async function fingerprint(): Promise<unknown> {
  const { rows } = await database.query(
    `SELECT (SELECT count(*) FROM pg_class) AS classes, (SELECT count(*) FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%temp%') AS schemas,
            (SELECT count(*) FROM pg_type) AS types, (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables) AS writes`,
  );
  return rows[0];
}

it('an empty database has no fleet, and nothing is made of it', async () => {
  const before = await fingerprint();
  const report = await status(await fleet.project());
  expect(report).toEqual({
    shared: { applied: [], pending: ['0001_registry'] },
    tenants: { total: 0, upToDate: 0, pending: 0, ahead: 0, outOfOrder: 0, missing: 0 },
    cohorts: [],
  });
  expect(isUpToDate(report)).toBe(false);
  const planned = await plan(await fleet.project(), { selection: { kind: 'all' }, sql: true });
  expect(planned.shared).toMatchObject({ pending: ['0001_registry'], mode: 'compiled' });
  expect(planned.shared.sql).toMatch(/CREATE TABLE/);
  expect(await fingerprint()).toEqual(before);
});

it('rows without a schema do not keep the fleet from being up to date while their status is ignored', async () => {
  await ready('a');
  await database.query(`ALTER TABLE public.tenants DROP CONSTRAINT tenants_status_check;
    INSERT INTO public.tenants (schema_name, name, status) VALUES ('later', 'later', 'invited')`);
  const project = await fleet.project();
  expect((await status(project)).tenants).toMatchObject({ total: 2, missing: 1 });
  const ignoring = { ...project, registry: { ...project.registry, ignoreStatuses: ['invited'] } };
  const report = await status(ignoring);
  expect(report.tenants).toMatchObject({ total: 1, upToDate: 1, missing: 0 });
  expect(isUpToDate(report)).toBe(true);
});

it('without tenants plan still compiles the files of every type, so that a broken one is found', async () => {
  await ready();
  await fleet.tenantMigration('0002_broken.sql', 'COMMIT; CREATE TABLE two (id int);');
  await fleet.files.write('migrations/shop/0001_shop.sql', 'COMMIT;');
  const project = await fleet.project();
  const types = { shop: fleet.files.path('migrations', 'shop') };
  const planned = plan({ ...project, tenants: { ...project.tenants, types } }, { selection: { kind: 'all' } });
  const error = serializeError(await planned.catch((caught: unknown) => caught));
  expect(error).toMatchObject({ code: 'MIGRATION_REFUSED' });
  expect(error.problems?.join('\n')).toMatch(/0002_broken[^]*0001_shop/);
});

it('every state has its count and its cohort', async () => {
  await ready('a1', 'a2', 'ahead', 'behind', 'odd');
  await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
  await fleet.tenantMigration('0003_three.sql', 'CREATE TABLE three (id int);');
  await fleet.migrate({ selection: { kind: 'tenants', names: ['a1', 'a2', 'ahead', 'odd'] } });
  await database.query(`INSERT INTO ahead.pgmigrations (name, run_on) VALUES ('0009_future', now());
    DELETE FROM odd.pgmigrations WHERE name = '0002_two';
    INSERT INTO tenants (schema_name) VALUES ('gone'), ('empty'); CREATE SCHEMA empty`);
  const report = await status(await fleet.project());
  expect(report.tenants).toEqual({ total: 7, upToDate: 2, pending: 2, ahead: 1, outOfOrder: 1, missing: 1 });
  expect(isUpToDate(report)).toBe(false);
  const cohort = (state: string, applied: number) =>
    report.cohorts.find((one) => one.state === state && one.applied === applied);
  expect(report.cohorts[0]).toEqual({
    type: null,
    last: '0003_three',
    applied: 3,
    pending: [],
    count: 2,
    tenants: ['a1', 'a2'],
    state: 'upToDate',
  });
  expect(cohort('pending', 1)).toMatchObject({ pending: ['0002_two', '0003_three'], tenants: ['behind'] });
  expect(cohort('pending', 0)).toMatchObject({ last: null, tenants: ['empty'] });
  expect(cohort('ahead', 4)).toMatchObject({ tenants: ['ahead'], pending: [] });
  expect(cohort('outOfOrder', 2)).toMatchObject({ tenants: ['odd'] });
  expect(cohort('missing', 0)).toMatchObject({
    tenants: ['gone'],
    pending: ['0001_projects', '0002_two', '0003_three'],
  });

  const some = await status(await fleet.project(), { names: ['a1', 'a2'] });
  expect(some.tenants.total).toBe(2);
  expect(isUpToDate(some)).toBe(true);
  await expect(status(await fleet.project(), { names: ['a3'] })).rejects.toMatchObject({ code: 'UNKNOWN_TENANT' });
});

it('a tenant whose table cannot be read is unreadable, and the others are read', async () => {
  await ready('a1', 'a2', 'a3');
  await database.query('ALTER TABLE a2.pgmigrations RENAME COLUMN run_on TO ran');
  const report = await status(await fleet.project());
  expect(report.cohorts.map(({ state, tenants }) => [state, tenants])).toEqual([
    ['upToDate', ['a1', 'a3']],
    ['unreadable', ['a2']],
  ]);
});

it('a plan answers for what migrate would do, runs nothing and writes nothing', async () => {
  await ready('a1', 'a2');
  await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
  await fleet.tenantMigration('0003_asks.js', `exports.up = async (pgm) => { await pgm.db.query('SELECT 1'); };`);
  await fleet.tenantMigration(
    '0004_index.sql',
    '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY i ON projects (name);',
  );
  await database.query(`INSERT INTO tenants (schema_name) VALUES ('gone')`);
  const before = await fingerprint();
  const planned = await plan(await fleet.project(), { selection: { kind: 'all' }, sql: true });
  expect(planned.shared).toEqual({ applied: ['0001_registry'], pending: [] });
  expect(planned.cohorts).toMatchObject([
    {
      count: 2,
      mode: 'direct',
      reasons: [expect.stringContaining('0003_asks') as string],
      pending: ['0002_two', '0003_asks', '0004_index'],
    },
    { count: 1, state: 'missing', pending: [] },
  ]);
  expect(planned.cohorts[0]?.sql).toContain('-- 0002_two\nCREATE TABLE two (id int);');
  expect(planned.cohorts[0]?.sql).toContain('-- 0004_index (outside a transaction)\nCREATE INDEX CONCURRENTLY');
  const first = await plan(await fleet.project(), { selection: { kind: 'tenants' }, target: { count: 1 } });
  expect(first.cohorts[0]).toMatchObject({ mode: 'compiled', pending: ['0002_two'] });
  expect(first.cohorts[0]).not.toHaveProperty('sql');
  const made = await plan(await fleet.project(), { selection: { kind: 'all' }, missing: 'create' });
  expect(made.cohorts[1]).toMatchObject({ state: 'missing', mode: 'direct' });
  expect(await fingerprint()).toEqual(before);
});

it('a plan refuses what migrate would refuse', async () => {
  await ready('a1');
  await fleet.files.write('migrations/shared/0002_s.sql', 'CREATE TABLE s (id int);');
  await expect(plan(await fleet.project(), { selection: { kind: 'tenants' } })).rejects.toMatchObject({
    code: 'SHARED_PENDING',
  });
  await fleet.tenantMigration('0002_commit.sql', 'COMMIT;');
  await expect(plan(await fleet.project(), { selection: { kind: 'all' } })).rejects.toMatchObject({
    code: 'MIGRATION_REFUSED',
  });
  await expect(plan(await fleet.project(), { selection: { kind: 'all' }, target: { count: 1 } })).rejects.toMatchObject(
    { code: 'USAGE' },
  );
});

it('a plan refuses the migrations of all tenant types at once, as migrate does', async () => {
  await ready('a1');
  await fleet.files.write('migrations/shop/0001_commit.sql', 'COMMIT;');
  await fleet.tenantMigration('0002_copy.sql', 'COPY projects FROM STDIN;');
  await database.query(`CREATE SCHEMA s1; INSERT INTO tenants (schema_name, type) VALUES ('s1', 'shop')`);
  const { tenants } = await fleet.project();
  const types = { tenants: { ...tenants, types: { shop: fleet.files.path('migrations', 'shop') } } };
  const refusal = async (attempt: Promise<unknown>): Promise<object> => {
    const error = serializeError(
      await attempt.then(
        () => undefined,
        (reason: unknown) => reason,
      ),
    );
    const { code, message, problems, suggestions } = error;
    return { code, message, problems, suggestions };
  };
  const selection = { kind: 'all' } as const;
  const planned = await refusal(plan(await fleet.project(types), { selection }));
  expect(planned).toMatchObject({
    code: 'MIGRATION_REFUSED',
    problems: [expect.stringContaining('0002_copy'), expect.stringContaining('0001_commit')],
  });
  expect(planned).toEqual(await refusal(fleet.migrate({ selection }, types)));
});

it('of ten thousand tenants all are named', async () => {
  await ready();
  await database.query(
    `INSERT INTO tenants (schema_name) SELECT 'gone_' || lpad(n::text, 5, '0') FROM generate_series(1, 10000) n`,
  );
  const report = await status(await fleet.project());
  expect(report.tenants).toMatchObject({ total: 10_000, missing: 10_000 });
  expect(report.cohorts).toHaveLength(1);
  expect(report.cohorts[0]).toMatchObject({ count: 10_000, state: 'missing' });
  expect(report.cohorts[0]?.tenants).toEqual(
    Array.from({ length: 10_000 }, (_, n) => `gone_${String(n + 1).padStart(5, '0')}`),
  );
});
