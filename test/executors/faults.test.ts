import { setTimeout as sleep } from 'node:timers/promises';

import { beforeAll, expect, it } from 'vitest';

import type { FleetEvent } from '../../src/fleet/types.js';
import type { MigrateReport } from '../../src/run/types.js';
import { ensureBuilt } from '../support/build.js';
import type { TestFleet } from '../support/fleet.js';
import { names, withFleet, workersOf } from './fleets.js';

/** Workers that are killed; TENANTS_FAULTS asks for more. */
const KILLS = Number(process.env['TENANTS_FAULTS'] ?? 8);
/** Runs for which one fleet is used: its migrations pile up. */
const RUNS_PER_FLEET = 25;
const TENANTS = names(10);

/** What migrations do, in turn; `n` makes their names unique. All can be told to be applied by their table. */
const MIGRATIONS: ((n: number) => { file: string; text: string })[] = [
  (n) => ({ file: `${n}_slow.sql`, text: `CREATE TABLE made_${n} (id int);\nSELECT pg_sleep(0.08);` }),
  (n) => ({
    file: `${n}_quick.sql`,
    text: `CREATE TABLE made_${n} (id int);\nINSERT INTO made_${n} SELECT generate_series(1, 5000);`,
  }),
  (n) => ({
    file: `${n}_direct.js`,
    text: `export const up = async (pgm) => {
  await pgm.db.query('SELECT pg_sleep(0.03)');
  pgm.sql('CREATE TABLE made_${n} (id int)');
};
export const down = false;`,
  }),
  (n) => ({
    file: `${n}_index.sql`,
    text: `-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY made_${n} ON projects (id);`,
  }),
];

type Tally = Record<
  'runs' | 'again' | 'kills' | 'idle' | 'applied' | 'failed' | 'notExecuted' | 'gaveUp' | 'secondRun',
  number
>;

/** How far a run is. */
type Run = { started: number; over: boolean };

beforeAll(() => ensureBuilt(), 120_000);

it(
  `${KILLS} workers killed at random leave every tenant where it was or where it should be`,
  async () => {
    const failures: Record<string, number> = {};
    const tally: Tally = {
      runs: 0,
      again: 0,
      kills: 0,
      idle: 0,
      applied: 0,
      failed: 0,
      notExecuted: 0,
      gaveUp: 0,
      secondRun: 0,
    };
    try {
      while (tally.kills < KILLS) {
        await withFleet(TENANTS, async (fleet) => {
          for (let n = 1; n <= RUNS_PER_FLEET && tally.kills < KILLS; n += 1) {
            await killSome(fleet, 1000 + n, tally, failures);
          }
        });
      }
    } finally {
      console.table(tally);
      console.table(failures);
    }
    // A suite whose kills hit nothing would prove nothing.
    expect(tally.again).toBeGreaterThan(0);
  },
  KILLS * 20_000,
);

async function killSome(fleet: TestFleet, n: number, tally: Tally, failures: Record<string, number>): Promise<void> {
  const make = MIGRATIONS[n % MIGRATIONS.length] ?? MIGRATIONS[0];
  const { file, text } = make?.(n) ?? { file: '', text: '' };
  await fleet.tenantMigration(file, text);
  const before = await listsOf(fleet);
  const name = file.replace(/\.\w+$/, '');

  const options = { executor: 'multiprocessing', canary: 0, chunkSize: 1 + (n % 3) };
  const run: Run = { started: 0, over: false };
  const onEvent = (event: FleetEvent): void => void (run.started += event.type === 'tenant:start' ? 1 : 0);
  const running = fleet.migrate({ onEvent }, options).finally(() => (run.over = true));
  const wanted = 1 + Math.floor(Math.random() * 3);
  for (let kill = 0; kill < wanted; kill += 1) tally[(await killAtRandom(run)) ? 'kills' : 'idle'] += 1;
  const report = await running;
  tally.runs += 1;
  tally.again += Math.max(0, run.started - TENANTS.length);
  tally.applied += report.tenants.applied;
  tally.failed += report.tenants.failed;
  tally.notExecuted += report.tenants.notExecuted;
  if (report.warnings.some((warning) => warning.includes('in a row'))) tally.gaveUp += 1;
  for (const one of report.results) {
    if (one.status !== 'failed') continue;
    const kind = one.error.message.replaceAll(/t\d\d/g, 'tenant').slice(0, 120);
    failures[kind] = (failures[kind] ?? 0) + 1;
  }
  await expectConsistent(fleet, before, name, n, report);

  const second = await fleet.migrate({}, options);
  tally.secondRun += second.tenants.applied;
  expect(second.tenants).toMatchObject({ failed: 0, notExecuted: 0, missing: 0 });
  for (const [tenant, list] of await listsOf(fleet)) expect(list).toEqual([...(before.get(tenant) ?? []), name]);
}

/** Kills some worker shortly after some tenant has begun; false when the run was over before. */
async function killAtRandom(run: Run): Promise<boolean> {
  const from = run.started + Math.floor(Math.random() * TENANTS.length * 0.6);
  while (!run.over && run.started <= from) await sleep(2);
  await sleep(Math.random() * 120);
  const workers = await workersOf(process.pid);
  const victim = workers[Math.floor(Math.random() * workers.length)];
  if (run.over || victim === undefined) return false;
  try {
    return process.kill(victim, 'SIGKILL');
  } catch {
    return false; // It had ended by itself.
  }
}

/** Every tenant has the old list or the new one, once, the table exactly then, and a result that says so. */
async function expectConsistent(
  fleet: TestFleet,
  before: Map<string, string[]>,
  name: string,
  n: number,
  report: MigrateReport,
): Promise<void> {
  const results = new Map(report.results.map((result) => [result.tenant, result]));
  expect(results.size).toBe(TENANTS.length);
  expect(report.results).toHaveLength(TENANTS.length);
  for (const [tenant, list] of await listsOf(fleet)) {
    const old = before.get(tenant) ?? [];
    const isNew = list.length > old.length;
    expect(list).toEqual(isNew ? [...old, name] : old);
    expect(results.get(tenant)?.status === 'applied', JSON.stringify(results.get(tenant))).toBe(isNew);
    const { rows } = await fleet.database.query(
      'SELECT i.indisvalid AS valid FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid WHERE c.relnamespace = $1::regnamespace AND c.relname = $2',
      [tenant, `made_${n}`],
    );
    // Outside a transaction an index may be there, half built or whole, before its row is: the second run finds it.
    if (isNew) expect(rows).toHaveLength(1);
    else if (!name.includes('index')) expect(rows).toEqual([]);
  }
}

async function listsOf(fleet: TestFleet): Promise<Map<string, string[]>> {
  const lists = new Map<string, string[]>();
  for (const tenant of TENANTS) lists.set(tenant, await fleet.applied(tenant));
  return lists;
}
