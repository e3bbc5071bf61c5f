import { setTimeout as sleep } from 'node:timers/promises';

import { type CutPoint, openProxy } from '../support/proxy.js';
import type { CliOutcome } from '../support/run-cli.js';
import { complainAboutReport, type RunDocument } from './complaints.js';
import { finish, migrateArgs, variation } from './kills.js';
import { until } from './moment.js';
import type { Round } from './round.js';
import { type FleetState, readState } from './state.js';
import { countTime } from './tally.js';
import type { Trials } from './trials.js';

/** Stops the server in the middle of a run, fast and immediate by turns, and starts it again. */
export async function restartServer(round: Round, trials: Trials): Promise<void> {
  const args = migrateArgs(round);
  const { args: varied, anyStop } = variation(round);
  const moment = await trials.moment(round, 'behind', 'migrate', args);
  const before = await readState(round.url);
  const running = round.spawn([...args, ...varied]);
  round.row[await until(round.url, running, 'migrate', moment)] += 1;
  const lost = performance.now();
  await round.server.stop(round.number % 2 === 0 ? 'fast' : 'immediate');
  await sleep(round.random.below(1500));
  await round.server.start();
  const outcome = await round.outcomeOf(running);
  countTime(round.row, lost);
  await expectTrue(round, trials, outcome, { before, anyStop });
  await finish(round, args);
}

/** Cuts one of the run's connections, at once, before its next message is delivered, or before that is answered. */
export async function cutConnection(round: Round, trials: Trials): Promise<void> {
  const args = migrateArgs(round);
  const { args: varied, anyStop } = variation(round);
  const moment = await trials.moment(round, 'behind', 'migrate', args);
  const before = await readState(round.url);
  const proxy = await openProxy({ url: round.url, config: round.server.configOf(round.database) });
  try {
    const running = round.spawn([...args, ...varied], { url: proxy.url });
    round.row[await until(round.url, running, 'migrate', moment)] += 1;
    const cut = performance.now();
    const when: CutPoint = round.random.pick(['now', 'before', 'after']);
    // A run that has not connected yet is cut as soon as it has.
    while (running.child.exitCode === null && !proxy.cutOne((open) => round.random.below(open), when)) await sleep(5);
    const outcome = await round.outcomeOf(running);
    countTime(round.row, cut);
    await expectTrue(round, trials, outcome, { before, anyStop });
  } finally {
    await proxy.close();
  }
  await finish(round, args);
}

/** A run that was hit and lived: what it says agrees with the database. */
async function expectTrue(
  round: Round,
  { tally }: Trials,
  outcome: CliOutcome,
  { before, anyStop }: { before: FleetState; anyStop: boolean },
): Promise<void> {
  const left = await round.settle();
  round.expect(left, { at: 'between', anyStop }, outcome);
  round.expectCode(outcome, 0, 1, 5);
  const document = outcome.json<RunDocument | { error: { code: string } }>();
  if (!('error' in document)) round.complain(complainAboutReport(document, before, left), outcome);
  else if (outcome.code === 0) round.complain(['an error with exit code 0'], outcome);
  round.row[outcome.code === 0 ? 'survived' : 'reported'] += 1;
  if (outcome.code !== 0) tally.reason(round.label, `exit code ${outcome.code}, ${reasonOf(document)}`);
}

/** Error codes and reasons, each once. */
function reasonOf(document: RunDocument | { error: { code: string } }): string {
  if ('error' in document) return document.error.code;
  const reasons = document.results.map((result) => {
    if (result.status === 'failed') return `${result.error.code} ${result.error.sqlstate ?? ''}`.trim();
    return result.status === 'notExecuted' ? result.reason : '';
  });
  return [...new Set(reasons)]
    .filter((reason) => reason !== '')
    .toSorted()
    .join(', ');
}
