import { setTimeout as sleep } from 'node:timers/promises';

import { complainAboutReport, doneBy, type RunDocument } from './complaints.js';
import { EXECUTORS, migrateArgs } from './kills.js';
import { until } from './moment.js';
import type { Round } from './round.js';
import { readState } from './state.js';
import { slowest, type Trials } from './trials.js';

/** Two runs at once, every other time with another executor: one is turned away, or waits for the other if it is told to. */
export async function runTwice(round: Round): Promise<void> {
  const waits = round.number % 2 === 0;
  const first = [...migrateArgs(round), ...(waits ? ['--lock-wait', '2m'] : [])];
  const other = round.random.chance(0.5) ? (EXECUTORS[(round.number + 1) % 3] ?? 'standard') : first[3];
  const second = first.with(3, other ?? 'standard');
  const before = await readState(round.url);
  const started = performance.now();
  const running = [round.spawn(first)];
  await sleep(round.random.below(300));
  running.push(round.spawn(second));
  const outcomes = await Promise.all(running.map((one) => round.outcomeOf(one)));
  slowest(round.row, started);
  const after = await round.settle();

  const [winner, loser] = outcomes.toSorted((a, b) => applied(b) - applied(a));
  if (winner === undefined || loser === undefined) throw new Error('Two runs have two outcomes.');
  round.expectCode(winner, 0);
  round.expectCode(loser, waits ? 0 : 4);
  round.expect(after, { at: 'all' }, winner);
  round.complain(complainAboutReport(winner.json<RunDocument>(), before, after), winner);
  if (waits) round.complain(complainAboutReport(loser.json<RunDocument>(), after, after), loser);
  else if (loser.json<{ error?: { code: string } }>().error?.code !== 'LOCKED')
    round.complain(['no error LOCKED'], loser);
  round.row[waits ? 'survived' : 'reported'] += 1;
}

function applied(outcome: { json<T>(): T }): number {
  const document = outcome.json<RunDocument | { error: unknown }>();
  return 'error' in document ? -1 : doneBy(document);
}

/** A tenant that is created while the others are migrated is up to date when both have ended. */
export async function createMeanwhile(round: Round, trials: Trials): Promise<void> {
  const args = migrateArgs(round);
  const moment = await trials.moment(round, 'behind', 'migrate', args);
  const running = round.spawn(args);
  round.row[await until(round.url, running, 'migrate', moment)] += 1;
  const created = await round.run(['create-tenant', 'newcomer', 'newcomer.example.com', '--json']);
  const migrated = await round.outcomeOf(running);
  round.expectCode(created, 0);
  round.expectCode(migrated, 0);
  const after = await round.settle();
  round.expect(after, { at: 'all' }, migrated);
  if (after.registered.get('newcomer') !== 'active') {
    round.complain([`newcomer: its status is ${after.registered.get('newcomer')}`], created);
  }
  round.row.survived += 1;
}
