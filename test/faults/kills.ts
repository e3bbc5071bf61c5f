import { setTimeout as sleep } from 'node:timers/promises';

import { workersOf } from '../executors/fleets.js';
import { doneBy, type RunDocument } from './complaints.js';
import { complainAboutJournal } from './journal.js';
import { until } from './moment.js';
import type { Round } from './round.js';
import { countHit, countTime } from './tally.js';
import type { Trials } from './trials.js';

export const EXECUTORS = ['standard', 'multiprocessing', 'worker-threads'] as const;

/** The arguments of a `migrate` by the round's number; the executors take turns. */
export function migrateArgs({ number }: Round): string[] {
  return ['migrate', '--json', '--executor', EXECUTORS[number % 3] ?? 'standard'];
}

/** Settings that change where a run can be hit, but not how long it takes. */
export function variation({ random }: Round): { args: string[]; anyStop: boolean } {
  const anyStop = random.chance(0.3);
  return {
    anyStop,
    args: [
      ...(anyStop ? ['--transaction', 'migration'] : []),
      ...(random.chance(0.3) ? ['--canary', '0'] : []),
      ...(random.chance(0.3) ? ['--chunk-size', '5'] : []),
    ],
  };
}

/** Kills the whole `tenants migrate`, and sometimes starts the next one before the server has noticed. */
export async function killMigrate(round: Round, trials: Trials): Promise<void> {
  const args = migrateArgs(round);
  const { args: varied, anyStop } = variation(round);
  const moment = await trials.moment(round, 'behind', 'migrate', args);
  const running = round.spawn([...args, ...varied]);
  await until(round.url, running, 'migrate', moment);
  const workers = await workersOf(running.child.pid ?? 0);
  const killed = performance.now();
  running.child.kill('SIGKILL');
  await round.outcomeOf(running);

  const atOnce = round.random.chance(0.3);
  if (atOnce) await sleep(round.random.below(100));
  else {
    const left = await round.settle(workers);
    countHit(round.row, left, round.fleet.set);
    round.expect(left, { at: 'between', anyStop });
  }
  const { tenants, results } = await finish(round, [...args, '--lock-wait', '30s'], workers);
  countTime(round.row, killed);
  if (!atOnce) return;
  const pending = round.fleet.set.all.length - 1;
  const whole = results.filter((one) => one.status === 'applied' && one.migrations.length === pending).length;
  round.row[results.length === 0 ? 'after' : whole === tenants.total ? 'before' : 'middle'] += 1;
}

/** The next run ends with exit code 0, says so, and leaves every tenant up to date. */
export async function finish(round: Round, args: string[], workers: readonly number[] = []): Promise<RunDocument> {
  const next = await round.run(args);
  round.expectCode(next, 0);
  const document = next.json<RunDocument>();
  const { tenants } = document;
  round.row.leftToDo += doneBy(document);
  const after = await round.settle(workers);
  if (doneBy(document) + tenants.upToDate !== after.registered.size) {
    round.complain([`the next run counts ${JSON.stringify(tenants)}`], next);
  }
  round.expect(after, { at: 'all' }, next);
  round.complain(await complainAboutJournal(round.url, after), next);
  return document;
}
