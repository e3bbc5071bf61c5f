import { setTimeout as sleep } from 'node:timers/promises';

import { complainAboutReport, doneBy, type RunDocument } from './complaints.js';
import { EXECUTORS, finish, migrateArgs } from './kills.js';
import { until } from './moment.js';
import type { Round } from './round.js';
import { readState } from './state.js';
import { countTime } from './tally.js';
import type { Trials } from './trials.js';

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
  countTime(round.row, started);
  const after = await round.settle();

  const [winner, loser] = outcomes.toSorted((a, b) => applied(b) - applied(a));
  if (winner === undefined || loser === undefined) throw new Error('Two runs have two outcomes.');
  round.expectCode(winner, 0);
  round.expectCode(loser, waits ? 0 : 4);
  round.expect(after, { at: 'all' }, winner);
  round.complain(complainAboutReport(winner.json<RunDocument>(), before, after), winner);
  if (waits) round.complain(complainAboutReport(loser.json<RunDocument>(), after, after), loser);
  else if (loser.json<{ error?: { code: string } }>().error?.code !== 'LOCKED') {
    round.complain(['no error LOCKED'], loser);
  }
  round.row[waits ? 'survived' : 'reported'] += 1;
}

function applied(outcome: { json<T>(): T }): number {
  const document = outcome.json<RunDocument | { error: unknown }>();
  return 'error' in document ? -1 : doneBy(document);
}

/**
 * A tenant that is created while the others are migrated is up to date when both have ended; every other time it is created
 * by a program that does not have the new migrations yet.
 */
export async function createMeanwhile(round: Round, trials: Trials): Promise<void> {
  const args = migrateArgs(round);
  const old = round.number % 2 === 0;
  const moment = await trials.moment(round, 'behind', 'migrate', args);
  const before = await readState(round.url);
  const running = round.spawn(args);
  round.row[await until(round.url, running, 'migrate', moment)] += 1;
  const cwd = old ? round.fleet.older.root : round.fleet.project.root;
  const created = await round.run(['create-tenant', 'newcomer', 'newcomer.example.com', '--json'], { cwd });
  const late = old && (await isFirstRoundOver(round));
  const migrated = await round.outcomeOf(running);
  round.expectCode(created, 0);
  round.expectCode(migrated, 0);
  const after = await round.settle();
  // The run looks for new tenants when those that it found first are done; later ones are left to the next run.
  round.expect(after, { at: late ? 'between' : 'all' }, migrated);
  if (after.registered.get('newcomer') !== 'active') {
    round.complain([`newcomer: its status is ${after.registered.get('newcomer')}`], created);
  }
  // Whether the run has met the newcomer depends on who was first.
  const others = new Map([...after.schemas].filter(([name]) => name !== 'newcomer'));
  round.complain(complainAboutReport(migrated.json<RunDocument>(), before, { ...after, schemas: others }), migrated);
  round.row.survived += 1;
  await finish(round, args);
}

async function isFirstRoundOver(round: Round): Promise<boolean> {
  const [found] = await round.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_class WHERE relname = 'last'`,
  );
  return found === undefined || found.count >= round.fleet.tenants.length;
}
