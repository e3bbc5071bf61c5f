import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { FleetEvent } from '../../src/fleet/types.js';
import { readRun } from '../../src/journal/read/runs.js';
import type { Project } from '../../src/project/project.js';
import { dryRunMigrate } from '../../src/run/dry-run/dry-run.js';
import { plan } from '../../src/run/plan.js';
import { exitCodeOf } from '../../src/run/report.js';
import { rollback } from '../../src/run/rollback.js';
import type { WaveBorder } from '../../src/run/rollout/wave-border.js';
import type { MigrateOptions, MigrateReport } from '../../src/run/types.js';
import { useFleet } from '../support/fleet.js';

/** Ten tenants; `one` to `ten` would not be in their order. */
const TENANTS = Array.from({ length: 10 }, (_, index) => `t${index}`);
const WAVES = [1, '50%', '100%'];
/** A minute that is at least an hour away, in a zone without changes of the clock. */
const CLOSED = closedNow();

const fleet = useFleet();
let number = 1;
let name = '';

beforeAll(async () => {
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.database.query('INSERT INTO tenants (schema_name, name) SELECT s, s FROM unnest($1::text[]) AS s', [
    TENANTS,
  ]);
  await fleet.migrate({ missing: 'create' });
});
beforeEach(async () => {
  number += 1;
  name = `${String(number).padStart(4, '0')}_made`;
  await write('');
});
afterEach(async () => {
  await record(name);
  await write('');
});

/** The migration of the test: a table, and what else it does. */
async function write(more: string): Promise<void> {
  await fleet.tenantMigration(
    `${name}.sql`,
    `-- Up Migration\nCREATE TABLE made_${number} (id int); ${more}\n-- Down Migration\nDROP TABLE made_${number};`,
  );
}

/** Fails in some tenants. */
const failsIn = (...tenants: string[]): string =>
  `DO $$ BEGIN IF current_schema() = ANY ('{${tenants.join(',')}}') THEN RAISE unique_violation; END IF; END $$;`;

async function migrate(
  rollout: Project['rollout'],
  options: Partial<MigrateOptions> = {},
  overrides: Partial<Project> = {},
): Promise<MigrateReport> {
  return await fleet.migrate({ rollout: { waves: WAVES, ...rollout }, ...options }, { checksums: 'off', ...overrides });
}

/** The tenants that have the migration of the test. */
async function done(): Promise<string> {
  const { rows } = await fleet.database.query<{ schema: string }>(
    `SELECT n.nspname AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE relname = $1 ORDER BY 1`,
    [`made_${number}`],
  );
  return rows.map(({ schema }) => schema.slice(1)).join('');
}

describe('waves', () => {
  it('each run begins the next one, and says so', async () => {
    const first = await migrate({});
    expect(first).toMatchObject({ wave: { current: 1, of: 3, waiting: 9 }, tenants: { applied: 1, notExecuted: 9 } });
    expect(first.results).toContainEqual({ tenant: 't1', status: 'notExecuted', reason: 'laterWave' });
    expect(exitCodeOf(first)).toBe(0);
    expect(await done()).toBe('0');
    const second = await migrate({});
    expect(second).toMatchObject({ wave: { current: 2, of: 3 }, tenants: { applied: 4, upToDate: 1, notExecuted: 5 } });
    expect(await done()).toBe('01234');
    const third = await migrate({});
    expect(third).toMatchObject({ wave: { current: 3, of: 3, waiting: 0 }, tenants: { applied: 5, notExecuted: 0 } });
    expect(await migrate({})).toMatchObject({ wave: { current: 3, of: 3 }, results: [] });
  });

  it('go on from where the tenants stand without a journal', async () => {
    for (const [wave, tenants] of [
      [1, '0'],
      [2, '01234'],
      [3, '0123456789'],
    ] as const) {
      expect(await migrate({}, {}, { journal: false })).toMatchObject({ wave: { current: wave, of: 3 } });
      expect(await done()).toBe(tenants);
    }
  });

  it('count what is applied already', async () => {
    await fleet.migrate({ selection: { kind: 'tenants', names: ['t0', 't1', 't4', 't9'] } });
    const report = await migrate({});
    expect(report).toMatchObject({ wave: { current: 2, of: 3 }, tenants: { applied: 2, upToDate: 4, notExecuted: 4 } });
    expect(await done()).toBe('012349');
  });

  it('follow one another after a pause, with one canary for all of them, and write their results first', async () => {
    const events: FleetEvent[] = [];
    const recorded: Promise<unknown>[] = [];
    const onEvent = (event: FleetEvent): void => {
      events.push(event);
      if (event.type === 'waiting') recorded.push(countRecorded());
    };
    const report = await migrate({ pause: 300 }, { onEvent });
    expect(report).toMatchObject({ wave: { current: 3, of: 3 }, tenants: { applied: 10, notExecuted: 0 } });
    expect(events.filter(({ type }) => type === 'phase').flatMap((event) => ('wave' in event ? [event] : []))).toEqual([
      { type: 'phase', phase: 'tenants', total: 1, wave: { current: 1, of: 3 } },
      { type: 'phase', phase: 'tenants', total: 4, wave: { current: 2, of: 3 } },
      { type: 'phase', phase: 'tenants', total: 5, wave: { current: 3, of: 3 } },
    ]);
    expect(events.flatMap((event) => (event.type === 'waiting' ? [event.message] : []))).toEqual([
      'Wave 1 of 3 is over; the next one, of 4 tenants, begins in 1 s.',
      'Wave 2 of 3 is over; the next one, of 5 tenants, begins in 1 s.',
    ]);
    expect(await Promise.all(recorded)).toEqual([1, 5]);
  });

  it('wait for an answer', async () => {
    const asked: WaveBorder[] = [];
    const report = await migrate(
      { pause: 'ask' },
      { askNextWave: (border) => Promise.resolve(asked.push(border) < 2) },
    );
    expect(report).toMatchObject({ wave: { current: 2, of: 3 }, tenants: { applied: 5, notExecuted: 5 } });
    expect(asked).toEqual([
      { current: 1, of: 3, failed: 0, members: 1, next: 4 },
      { current: 2, of: 3, failed: 0, members: 5, next: 5 },
    ]);
  });

  it('end where nobody can be asked', async () => {
    const report = await migrate({ pause: 'ask' });
    expect(report).toMatchObject({ wave: { current: 1, of: 3 }, tenants: { applied: 1 } });
    expect(exitCodeOf(report)).toBe(0);
  });

  it('are shares of the selected tenants', async () => {
    const report = await migrate({}, { selection: { kind: 'tenants', names: ['t7', 't8', 't9'] } });
    expect(report).toMatchObject({ wave: { current: 1, of: 3 }, tenants: { total: 3, applied: 1, notExecuted: 2 } });
    expect(await done()).toBe('7');
  });

  it('have no tenants that share tables, which have nothing to run', async () => {
    await fleet.database.query(`UPDATE tenants SET type = 'pooled' WHERE schema_name IN ('t0', 't1')`);
    const { registry } = await fleet.project();
    const rows = { types: ['pooled'], column: 'tenant_id', key: 'id', setting: 'app.tenant_id', schema: 'public' };
    const overrides = { registry: { ...registry, rows } };
    const { rollout } = await plan(await fleet.project(overrides), {
      selection: { kind: 'all' },
      rollout: { waves: WAVES },
    });
    expect(rollout).toMatchObject({ current: 1, waves: [{ count: 1, tenants: ['t2'] }, { count: 3 }, { count: 4 }] });
    const report = await migrate({}, {}, overrides);
    await fleet.database.query('UPDATE tenants SET type = NULL');
    expect(report).toMatchObject({ wave: { current: 1, of: 3 }, tenants: { applied: 1, upToDate: 2, notExecuted: 7 } });
    expect(await done()).toBe('2');
  });

  it('begin with a chosen canary', async () => {
    await migrate({}, {}, { canary: 't6' });
    expect(await done()).toBe('6');
  });

  it('leave tenants that are created meanwhile to the last one', async () => {
    const newcomer = async (): Promise<boolean> => {
      await fleet.database.query(`INSERT INTO tenants (schema_name) VALUES ('t5a') ON CONFLICT DO NOTHING`);
      await fleet.database.query('CREATE SCHEMA IF NOT EXISTS t5a');
      return true;
    };
    const first = await migrate({ pause: 'ask' }, { askNextWave: async () => (await newcomer()) && false });
    expect(first.tenants.total).toBe(10);
    const rest = await migrate({ pause: 'ask' }, { askNextWave: newcomer });
    expect(rest).toMatchObject({ wave: { current: 3, of: 3 }, tenants: { total: 11, applied: 10 } });
    expect(await fleet.tables('t5a')).toContain(`made_${number}`);
    await fleet.database.query(`DELETE FROM tenants WHERE schema_name = 't5a'; DROP SCHEMA t5a CASCADE`);
  });

  it.each(['multiprocessing', 'worker-threads'])('are the same with %s', async (executor) => {
    const report = await migrate({ pause: 1 }, {}, { executor, maxProcesses: 1 });
    expect(report).toMatchObject({ wave: { current: 3, of: 3 }, tenants: { applied: 10 } });
    expect(await done()).toBe('0123456789');
  });
});

describe('plan', () => {
  const planned = async (overrides: Partial<Project> = {}) =>
    (await plan(await fleet.project(overrides), { selection: { kind: 'all' }, rollout: { waves: WAVES } })).rollout;

  it('shows which tenants each wave reaches, and where the rollout stands', async () => {
    const names = (...numbers: number[]): string[] => numbers.map((one) => `t${one}`);
    expect(await planned()).toEqual({
      current: 1,
      of: 3,
      waves: [
        { count: 1, tenants: names(0) },
        { count: 4, tenants: names(1, 2, 3, 4) },
        { count: 5, tenants: names(5, 6, 7, 8, 9) },
      ],
    });
    await migrate({});
    expect(await planned()).toMatchObject({ current: 2, waves: [{ count: 1, tenants: [] }, {}, {}] });
    expect(await planned({ canary: 't6' })).toMatchObject({ current: 1, waves: [{ tenants: ['t6'] }, {}, {}] });
    await fleet.migrate();
    expect(await planned()).toEqual({ current: 3, of: 3, waves: [] });
  });

  it('knows of failures that are tolerated', async () => {
    await write(failsIn('t0'));
    await migrate({ maxFailures: 1 });
    const project = await fleet.project();
    const { rollout } = await plan(project, {
      selection: { kind: 'all' },
      rollout: { waves: WAVES, maxFailures: 1 },
    });
    expect(rollout).toMatchObject({ current: 2, waves: [{ tenants: ['t0'] }, {}, {}] });
    expect(await planned()).toMatchObject({ current: 1 });
  });
});

it('a dry run tries tenants of all waves, and says so', async () => {
  const report = await dryRunMigrate(await fleet.project(), {
    selection: { kind: 'all' },
    sample: 'all',
    rollout: { waves: WAVES, window: CLOSED },
  });
  expect(report.tenants).toMatchObject({ applied: 10 });
  expect(report.warnings).toEqual([expect.stringMatching(/^The rollout is not tried: /)]);
});

describe('failures in a wave', () => {
  it('stop before the next one, which the next run does not begin either', async () => {
    await write(failsIn('t0'));
    const first = await migrate({ pause: 1 });
    expect(first).toMatchObject({ wave: { current: 1, of: 3 }, tenants: { applied: 0, failed: 1, notExecuted: 9 } });
    expect(first.warnings).toEqual(['Wave 2 of 3 was not begun: 1 tenant failed in the waves before, and none may.']);
    expect(exitCodeOf(first)).toBe(1);
    expect(await migrate({})).toMatchObject({ wave: { current: 1, of: 3 }, tenants: { failed: 1, notExecuted: 9 } });
    await write('');
    expect(await migrate({})).toMatchObject({ wave: { current: 1, of: 3 }, tenants: { applied: 1 } });
  });

  it('up to a limit are tried again with the next wave, which the journal knows to be due', async () => {
    await write(failsIn('t0'));
    await migrate({ maxFailures: 1 });
    const second = await migrate({ maxFailures: 1 });
    expect(second).toMatchObject({ wave: { current: 2, of: 3 }, tenants: { applied: 4, failed: 1, notExecuted: 5 } });
    expect(await migrate({ maxFailures: 1 })).toMatchObject({ wave: { current: 3, of: 3 }, tenants: { failed: 1 } });
    expect(await done()).toBe('123456789');
  });

  it('of another migration do not count', async () => {
    await write(failsIn('t0'));
    await migrate({ maxFailures: 1 });
    number += 1;
    const before = name;
    name = `${String(number).padStart(4, '0')}_more`;
    await write('');
    expect(await migrate({ maxFailures: 1 })).toMatchObject({ wave: { current: 1, of: 3 }, tenants: { failed: 1 } });
    await record(before);
  });

  it('are all that is repeated by a migrate of the tenants that failed', async () => {
    await write(failsIn('t0'));
    await migrate({});
    await write('');
    expect(await migrate({}, { failedOf: 'latest' })).toMatchObject({ tenants: { total: 1, applied: 1 } });
    expect(await done()).toBe('0');
  });
});

describe('the end of a run between waves', () => {
  it('comes with a signal in the pause, at once', async () => {
    const drain = new AbortController();
    const onEvent = (event: FleetEvent): void => void (event.type === 'waiting' && drain.abort());
    const report = await migrate({ pause: 600_000 }, { drain: drain.signal, onEvent });
    expect(report).toMatchObject({
      interrupted: true,
      wave: { current: 1, of: 3, waiting: 9 },
      tenants: { applied: 1 },
    });
    expect(report.durationMs).toBeLessThan(20_000);
    const { run } = await readRun(await fleet.project(), report.run ?? 0);
    expect(run).toMatchObject({ state: 'finished', counts: { applied: 1, notExecuted: 9 } });
  });

  it('comes with a signal before the border, without a question', async () => {
    const drain = new AbortController();
    const onEvent = (event: FleetEvent): void => void (event.type === 'tenant:done' && drain.abort());
    const report = await migrate(
      { pause: 'ask' },
      { drain: drain.signal, onEvent, askNextWave: () => Promise.reject(new Error('asked')) },
    );
    expect(report).toMatchObject({ interrupted: true, wave: { current: 1, of: 3 }, tenants: { applied: 1 } });
  });

  it('comes when the time is over, and the wave that would have been next is left out', async () => {
    const report = await migrate({ pause: 600_000, maxDurationMs: 1500 });
    expect(report).toMatchObject({ interrupted: false, wave: { current: 1, of: 3, waiting: 5 } });
    expect(report.results).toContainEqual({ tenant: 't1', status: 'notExecuted', reason: 'maxDuration' });
    expect(exitCodeOf(report)).toBe(1);
  });
});

it('a rollback knows no waves', async () => {
  await fleet.migrate();
  const project = { ...(await fleet.project()), rollout: { waves: WAVES, window: CLOSED } };
  const report = await rollback(project, { selection: { kind: 'tenants' }, confirmed: true });
  expect(report.tenants).toMatchObject({ rolledBack: 10 });
  expect(report).not.toHaveProperty('wave');
});

/** Brings all tenants up to date, for the price of a statement. */
async function record(migration: string): Promise<void> {
  await fleet.database.query(`DO $$ DECLARE tenant text; BEGIN
    FOR tenant IN SELECT schema_name FROM tenants LOOP
      EXECUTE format('INSERT INTO %1$I.pgmigrations (name, run_on) SELECT %2$L, now()
        WHERE NOT EXISTS (SELECT FROM %1$I.pgmigrations WHERE name = %2$L)', tenant, '${migration}');
    END LOOP; END $$`);
}

function closedNow(): string {
  const hour = (new Date().getUTCHours() + 2) % 24;
  return `${hour}:00-${hour}:01 UTC`;
}

/** Tenants that the run which goes on has recorded. */
async function countRecorded(): Promise<number> {
  const { rows } = await fleet.database.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM tenants_journal.results
      WHERE run = (SELECT max(id) FROM tenants_journal.runs) AND status = 'applied'`,
  );
  return rows[0]?.count ?? 0;
}
