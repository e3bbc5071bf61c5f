import { expect, test, vi } from 'vitest';

import { tenantLock } from '../../src/db/index.js';
import type { Plan, TenantWork } from '../../src/engine/types.js';
import { lookUpTenants } from '../../src/executors/look-up.js';
import { applySettings } from '../../src/fleet/source.js';
import type { TestFleet } from '../support/fleet.js';
import { names, withFleet } from './fleets.js';

// Workers start slowly on a machine that is busy.
vi.setConfig({ testTimeout: 120_000 });

const migration = (name: string, transaction = true) => ({
  name,
  path: `/nowhere/${name}.sql`,
  direction: 'up' as const,
  mode: 'compiled' as const,
  transaction,
  statements: [{ sql: 'SELECT 1' }],
  targets: [],
  creates: [],
  allowFallThrough: false,
  warnings: [],
});

/** Two migrations, the second outside a transaction. */
const PLAN: Plan = {
  id: 'plan',
  scope: { kind: 'tenants', type: null },
  source: { directory: '/nowhere', ignorePattern: undefined, decamelize: false, tsconfigPaths: false },
  direction: 'up',
  applied: ['0001_projects'],
  tableExists: true,
  fake: false,
  mode: 'compiled',
  segments: [
    { transaction: true, migrations: [migration('0002_a'), migration('0003_b')] },
    { transaction: false, migrations: [migration('0004_c', false)] },
  ],
};

async function find(fleet: TestFleet, plan = PLAN, cancel = new AbortController().signal) {
  const project = await fleet.project();
  const work: TenantWork = { tenant: 't01', planId: 'plan', schemaOid: 1 };
  const options = {
    database: project.database,
    settings: applySettings(project),
    plans: new Map([['plan', plan]]),
    cancel,
  };
  return (await lookUpTenants([work], options)).get('t01');
}

const record = (fleet: TestFleet, ...applied: string[]) =>
  fleet.database.query('INSERT INTO t01.pgmigrations (name, run_on) SELECT n, now() FROM unnest($1::text[]) AS n', [
    applied,
  ]);

test('what is recorded tells how far a plan got', async () => {
  await withFleet(names(1), async (fleet) => {
    expect(await find(fleet)).toEqual({ kind: 'untouched' });
    await record(fleet, '0002_a');
    expect(await find(fleet)).toEqual({ kind: 'moved' });
    await record(fleet, '0003_b');
    expect(await find(fleet)).toEqual({ kind: 'partly', committed: ['0002_a', '0003_b'] });
    await record(fleet, '0004_c');
    expect(await find(fleet)).toEqual({ kind: 'done' });
  });
});

test('going back, what is not recorded any more tells how far it got', async () => {
  await withFleet(names(1), async (fleet) => {
    const back: Plan = { ...PLAN, direction: 'down', segments: PLAN.segments.slice(0, 1) };
    expect(await find(fleet, back)).toEqual({ kind: 'done' });
    await record(fleet, '0002_a', '0003_b');
    expect(await find(fleet, back)).toEqual({ kind: 'untouched' });
  });
});

test('a plan that begins outside a transaction is not begun a second time, unless its statements find what they did', async () => {
  await withFleet(names(1), async (fleet) => {
    const alone = (statement: Plan['segments'][0]['migrations'][0]['statements'][0]): Plan => ({
      ...PLAN,
      segments: [{ transaction: false, migrations: [{ ...migration('0002_a', false), statements: [statement] }] }],
    });
    expect(await find(fleet, alone({ sql: 'VACUUM projects' }))).toEqual({ kind: 'partly', committed: [] });
    const index = {
      sql: 'CREATE INDEX CONCURRENTLY i ON projects (id)',
      createsIndex: { name: 'i', table: 'projects' },
    };
    expect(await find(fleet, alone(index))).toEqual({ kind: 'untouched' });
  });
});

test("the answer waits for the dead worker's backend, which may still commit", async () => {
  await withFleet(names(1), async (fleet) => {
    const backend = await fleet.database.client();
    await backend.query('BEGIN');
    await backend.query('SELECT pg_advisory_xact_lock($1::bigint)', [tenantLock('t01')]);
    const found = find(fleet, { ...PLAN, segments: PLAN.segments.slice(0, 1) });
    await new Promise((resolve) => setTimeout(resolve, 800));
    await backend.query(`INSERT INTO t01.pgmigrations (name, run_on) VALUES ('0002_a', now()), ('0003_b', now())`);
    await backend.query('COMMIT');
    expect(await found).toEqual({ kind: 'done' });
  });
});

test('a tenant that stays locked is of unknown outcome, not guessed', async () => {
  await withFleet(names(1), async (fleet) => {
    const other = await fleet.database.client();
    await other.query('SELECT pg_advisory_lock($1::bigint)', [tenantLock('t01')]);
    const found = await find(fleet, PLAN, AbortSignal.abort());
    expect(found).toMatchObject({
      kind: 'unknown',
      error: { message: expect.stringContaining('still holds the tenant') },
    });
  });
});
