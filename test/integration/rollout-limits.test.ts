import { fileURLToPath } from 'node:url';

import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import type { FleetEvent } from '../../src/fleet/types.js';
import { readRun } from '../../src/journal/read/runs.js';
import type { Project } from '../../src/project/project.js';
import { exitCodeOf } from '../../src/run/report.js';
import { rollback } from '../../src/run/rollback.js';
import type { MigrateOptions, MigrateReport } from '../../src/run/types.js';
import { useFleet } from '../support/fleet.js';

const TENANTS = ['t0', 't1', 't2', 't3', 't4', 't5'];
const ONE_LANE = { canary: 0, concurrency: 1 };

const fleet = useFleet();
let number = 1;

beforeAll(async () => {
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.database.query('INSERT INTO tenants (schema_name, name) SELECT s, s FROM unnest($1::text[]) AS s', [
    TENANTS,
  ]);
  await fleet.migrate({ missing: 'create' });
});
beforeEach(() => void (number += 1));
afterEach(async () => {
  vi.useRealTimers();
  await fleet.migrate({ fake: true });
});

/** Writes the migration of the test. */
async function write(sql = 'SELECT 1;'): Promise<void> {
  const text = `-- Up Migration\n${sql}\n-- Down Migration\nSELECT 1;\n`;
  await fleet.tenantMigration(`${String(number).padStart(4, '0')}_made.sql`, text);
}

/** Runs a migrate; `starts` are the times at which tenants began. */
async function run(
  rollout: Project['rollout'],
  options: Partial<MigrateOptions> = {},
  overrides: Partial<Project> = ONE_LANE,
): Promise<MigrateReport & { starts: number[]; said: string[] }> {
  const starts: number[] = [];
  const said: string[] = [];
  const report = await fleet.migrate(
    {
      rollout: rollout ?? {},
      ...options,
      onEvent: (event) => {
        if (event.type === 'tenant:start') starts.push(performance.now());
        if (event.type === 'waiting') said.push(event.message);
        options.onEvent?.(event);
      },
    },
    overrides,
  );
  return { ...report, starts, said };
}

/** Lets a session of another application wait for a lock, until `free` is called. */
async function somebodyWaits(): Promise<{ free: () => Promise<void> }> {
  const [holder, waiter] = [await fleet.database.client(), await fleet.database.client()];
  await holder.query('SELECT pg_advisory_lock(1)');
  const waiting = waiter.query('SELECT pg_advisory_xact_lock(1)');
  const waits =
    'SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())';
  await expect.poll(async () => (await fleet.database.query(waits)).rowCount).toBe(1);
  const free = async (): Promise<void> => {
    await holder.query('SELECT pg_advisory_unlock(1)');
    await waiting;
  };
  return { free };
}

/** The shortest time between two starts. */
function shortest(starts: readonly number[]): number {
  return Math.min(...starts.slice(1).map((at, index) => at - (starts[index] ?? 0)));
}

describe('the longest duration of a run', () => {
  it('starts no more tenants when it is over, and reports like other ends before the end', async () => {
    await write('SELECT pg_sleep(0.8);');
    const stopped: string[] = [];
    const onEvent = (event: FleetEvent): void => void (event.type === 'stopping' && stopped.push(event.reason));
    const report = await run({ maxDurationMs: 1500 }, { onEvent });
    const { applied, notExecuted, failed } = report.tenants;
    expect(applied).toBeGreaterThan(0);
    expect(notExecuted).toBe(TENANTS.length - applied);
    expect(failed).toBe(0);
    expect(stopped).toEqual(['maxDuration']);
    expect(report.results.at(-1)).toEqual({ tenant: 't5', status: 'notExecuted', reason: 'maxDuration' });
    expect(exitCodeOf(report)).toBe(1);
    const recorded = await readRun(await fleet.project(), report.run ?? 0, { failed: true });
    expect(recorded.results).toHaveLength(notExecuted);
    const rest = await run({}, { failedOf: 'latest' }, { canary: 0, concurrency: 6 });
    expect(rest.tenants).toMatchObject({ total: notExecuted, applied: notExecuted });
  });

  it('does not matter to a run that ends before', async () => {
    await write();
    expect((await run({ maxDurationMs: 600_000 })).tenants).toMatchObject({ applied: 6, notExecuted: 0 });
  });

  it('also ends a rollback', async () => {
    await write();
    await fleet.migrate();
    const project = { ...(await fleet.project(ONE_LANE)), rollout: { maxDurationMs: 1 } };
    const report = await rollback(project, { selection: { kind: 'tenants' }, confirmed: true });
    expect(report.tenants.notExecuted).toBeGreaterThan(0);
  });
});

describe('the window of a rollout', () => {
  const window = '22:00-05:00 Europe/Berlin';

  it('is asked for before anything is touched', async () => {
    await fleet.files.write(`migrations/shared/0002_later.sql`, 'CREATE TABLE IF NOT EXISTS later (id int);');
    await write();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-07-15T12:03:00Z') });
    await expect(run({ window })).rejects.toMatchObject({
      code: 'OUTSIDE_WINDOW',
      exitCode: 2,
      message:
        'Tenants are started from 22:00 to 05:00 Europe/Berlin only, and it is 14:03 there; nothing was touched.',
      suggestions: ['The window opens in 7 h 57 min.', 'To start tenants now all the same, add --window always.'],
    });
    expect(await fleet.tables('public')).not.toContain('later');
  });

  it('does not keep the shared schema, and those with nothing to do, from being up to date', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-07-15T12:03:00Z') });
    expect(await run({ window })).toMatchObject({ shared: { status: 'upToDate' }, tenants: { upToDate: 6 } });
    await write();
    const shared = await run({ window }, { selection: { kind: 'shared' } });
    expect(exitCodeOf(shared)).toBe(0);
  });

  it('lets a run inside of it go on, and ends it at its close', async () => {
    await write();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-07-16T02:59:59Z') });
    const onEvent = (event: FleetEvent): void => {
      if (event.type === 'tenant:done') vi.setSystemTime(Date.parse('2026-07-16T03:00:00Z'));
    };
    const report = await run({ window }, { onEvent });
    expect(report.tenants).toMatchObject({ applied: 1, notExecuted: 5 });
    expect(report.results.at(-1)).toMatchObject({ reason: 'window' });
  });
});

describe('the pause of a lane', () => {
  it('is between two tenants of one lane', async () => {
    await write();
    const { tenants, starts } = await run({ delayMs: 150 });
    expect(tenants.applied).toBe(6);
    expect(shortest(starts)).toBeGreaterThanOrEqual(145);
  });

  it('is each lane’s own, and holds for canaries', async () => {
    await write();
    const { starts } = await run({ delayMs: 200 }, {}, { canary: 1, concurrency: 3 });
    // The canary; the two lanes that have had nobody; the one of the canary and the others, which have waited.
    expect(starts).toHaveLength(6);
    expect((starts[3] ?? 0) - (starts[0] ?? 0)).toBeGreaterThanOrEqual(195);
    expect((starts[2] ?? 0) - (starts[0] ?? 0)).toBeLessThan((starts[3] ?? 0) - (starts[0] ?? 0));
  });

  it.each(['multiprocessing', 'worker-threads'])('holds for %s', async (executor) => {
    await write();
    const lanes = { executor, canary: 0, maxProcesses: 1, concurrency: 1, chunkSize: 6 };
    const { tenants, starts } = await run({ delayMs: 150 }, {}, lanes);
    expect(tenants.applied).toBe(6);
    expect(shortest(starts)).toBeGreaterThanOrEqual(100);
  });

  it('is over at once with a signal', async () => {
    await write();
    const drain = new AbortController();
    const onEvent = (event: FleetEvent): void => void (event.type === 'tenant:done' && drain.abort());
    const report = await run({ delayMs: 600_000 }, { drain: drain.signal, onEvent });
    expect(report).toMatchObject({ interrupted: true, tenants: { applied: 1, notExecuted: 5 } });
  });
});

describe('other sessions that wait for locks', () => {
  it('hold tenants back until there are no more than they may be', async () => {
    await write();
    const { free } = await somebodyWaits();
    let opened = 0;
    const onEvent = (event: FleetEvent): void => {
      if (event.type === 'waiting' && event.message.includes('for now')) void lookThenOpen();
    };
    const lookThenOpen = async (): Promise<void> => {
      const { rows } = await fleet.database.query<{ open: number }>(
        `SELECT count(*)::int AS open FROM pg_stat_activity
          WHERE datname = current_database() AND application_name LIKE 'tenants:%' AND state LIKE 'idle in%'`,
      );
      opened = rows[0]?.open ?? -1;
      await free();
    };
    const report = await run({ maxLockWaits: 0 }, { onEvent });
    expect(report.tenants.applied).toBe(6);
    expect(report.said).toEqual([
      'No more tenants are started for now: 1 other session waits for locks (limit: 0).',
      'Tenants are started again.',
    ]);
    expect(report.heldBackMs).toBeGreaterThan(0);
    expect(report.warnings).toEqual([
      expect.stringMatching(/^Tenants were held back for .*, because other sessions waited for locks\.$/),
    ]);
    expect(opened).toBe(0);
  });

  it('end with a signal while they hold tenants back', async () => {
    await write();
    const { free } = await somebodyWaits();
    const drain = new AbortController();
    const onEvent = (event: FleetEvent): void => void (event.type === 'waiting' && drain.abort());
    const report = await run({ maxLockWaits: 0 }, { drain: drain.signal, onEvent });
    expect(report).toMatchObject({ interrupted: true, tenants: { applied: 0, notExecuted: 6 } });
    await free();
  });

  it('cost nothing and hold nobody back when they are not limited', async () => {
    await write();
    const report = await run({});
    expect(report).not.toHaveProperty('heldBackMs');
    expect(report.said).toEqual([]);
  });
});

describe('an executor of the user', () => {
  const EXECUTORS = ['one-by-one', 'greedy'];
  const pathOf = (name: string): string => fileURLToPath(new URL(`../fixtures/executors/${name}.js`, import.meta.url));

  it.each(EXECUTORS)('is held to the delay: %s', async (name) => {
    await write();
    const { starts, tenants } = await run({ delayMs: 200 }, {}, { executor: pathOf(name), canary: 0 });
    expect(tenants).toMatchObject({ applied: 6 });
    const pauses = starts.slice(1).map((start, index) => start - (starts[index] ?? 0));
    expect(pauses).toHaveLength(5);
    expect(Math.min(...pauses)).toBeGreaterThan(180);
  });

  it.each(EXECUTORS)('is held back while others wait for locks: %s', async (name) => {
    await write();
    const { free } = await somebodyWaits();
    const timer = setTimeout(() => void free(), 2500);
    const { tenants, heldBackMs, starts } = await run({ maxLockWaits: 0 }, {}, { executor: pathOf(name), canary: 0 });
    clearTimeout(timer);
    expect(tenants).toMatchObject({ applied: 6 });
    expect(starts).toHaveLength(6);
    expect(heldBackMs).toBeGreaterThan(500);
  });

  it.each(EXECUTORS)('ends with the time of the run while it waits for the next tenant: %s', async (name) => {
    await write();
    const startedAt = performance.now();
    const { tenants } = await run({ delayMs: 60_000, maxDurationMs: 3000 }, {}, { executor: pathOf(name), canary: 0 });
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    expect(tenants.applied).toBeLessThan(6);
    expect(tenants.applied + tenants.notExecuted).toBe(6);
  });
});
