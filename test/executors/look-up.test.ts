import { expect, it, vi } from 'vitest';

import { findCommitOutcome } from '../../src/db/backend/commit-outcome.js';
import { type Backend, backendOf, endBackend, isDecided } from '../../src/db/backend/identity.js';
import { closeClient, openClient } from '../../src/db/connect.js';
import { tenantLock } from '../../src/db/locks.js';
import { readOutcome } from '../../src/engine/apply/find-outcome.js';
import type { Plan, TenantAssignment } from '../../src/engine/types.js';
import { findOutcomes } from '../../src/executors/parent/dead-worker-outcome.js';
import { applySettings } from '../../src/fleet/apply-settings.js';
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
  const work: TenantAssignment = { tenant: 't01', planId: 'plan', schemaOid: 1 };
  const options = {
    database: project.database,
    settings: applySettings(project),
    plans: new Map([['plan', plan]]),
    cancel,
  };
  return (await findOutcomes([work], options)).get('t01');
}

const record = (fleet: TestFleet, ...applied: string[]) =>
  fleet.database.query('INSERT INTO t01.pgmigrations (name, run_on) SELECT n, now() FROM unnest($1::text[]) AS n', [
    applied,
  ]);

it('what is recorded tells how far a plan got', async () => {
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

it('going back, what is not recorded any more tells how far it got', async () => {
  await withFleet(names(1), async (fleet) => {
    const back: Plan = { ...PLAN, direction: 'down', segments: PLAN.segments.slice(0, 1) };
    expect(await find(fleet, back)).toEqual({ kind: 'done' });
    await record(fleet, '0002_a', '0003_b');
    expect(await find(fleet, back)).toEqual({ kind: 'untouched' });
  });
});

it('a plan that begins outside a transaction is not begun a second time, unless its statements find what they did', async () => {
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

it("the answer waits for the dead worker's backend, which may still commit", async () => {
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

it('a tenant that stays locked is of unknown outcome, not guessed', async () => {
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

it('a connection that was lost is over before its tenant is looked at', async () => {
  await withFleet(names(1), async (fleet) => {
    const { database } = await fleet.project();
    const [segment] = PLAN.segments;
    if (segment === undefined) throw new Error('The plan has no segments.');
    const work: TenantAssignment = { tenant: 't01', planId: 'plan', schemaOid: 1 };
    const settings = applySettings(await fleet.project());
    const frame = { work, plan: PLAN, segment, applied: PLAN.applied, tableExists: true, settings };
    const client = await openClient(database, 'lane');
    // It has not begun with what it was sent, and holds no lock: only its being there shows that it may.
    const lost = await openClient(database, 'lane');
    const ended = lost.query('SELECT pg_sleep(60)').catch((error: unknown) => (error as { code: string }).code);
    const backend = backendOf(lost);
    const outcome = await findCommitOutcome({
      database,
      purpose: 'lane',
      lost: backend,
      ask: (other) => readOutcome(other, frame),
      waitMs: 20_000,
      cancel: undefined,
    });
    expect(outcome).toEqual({ found: 'notCommitted' });
    expect(await ended).toBe('57P01');
    // A backend that has its number by chance began at another time, and is left alone.
    const young = await openClient(database, 'lane');
    const old = { ...backendOf(young), startedAt: '1' } as Backend;
    await endBackend(client, old);
    expect(await isDecided(client, old)).toBe(true);
    expect((await young.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await closeClient(young);
    await closeClient(client);
  });
});
