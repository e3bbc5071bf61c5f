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
export async function expectTrue(
  round: Round,
  { tally }: Pick<Trials, 'tally'>,
  outcome: CliOutcome,
  { before, anyStop, codes = [0, 1, 5] }: { before: FleetState; anyStop: boolean; codes?: number[] },
): Promise<void> {
  const left = await round.settle();
  round.expect(left, { at: 'between', anyStop }, outcome);
  round.expectCode(outcome, ...codes);
  const document = outcome.json<RunDocument | { error: { code: string } }>();
  if (!('error' in document)) round.complain(complainAboutReport(document, before, left), outcome);
  else if (outcome.code === 0) round.complain(['an error with exit code 0'], outcome);
  round.row[outcome.code === 0 ? 'survived' : 'reported'] += 1;
  if (outcome.code !== 0) tally.reason(round.label, `exit code ${outcome.code}, ${reasonOf(document)}`);
}

/** How long a run may take to end after the second signal, in ms; the rest is for a machine that is busy. */
const END_MS = 10_000 + 5000;

/**
 * Swallows what connections send and are sent: all of them for some seconds, one of them for good, or all of them until the run
 * has ended because of two signals.
 */
export async function swallowConnections(round: Round, trials: Trials): Promise<void> {
  const args = migrateArgs(round);
  const { args: varied, anyStop } = variation(round);
  const moment = await trials.moment(round, 'behind', 'migrate', args);
  const before = await readState(round.url);
  const proxy = await openProxy({ url: round.url, config: round.server.configOf(round.database) });
  try {
    const running = round.spawn([...args, ...varied], { url: proxy.url });
    round.row[await until(round.url, running, 'migrate', moment)] += 1;
    const since = performance.now();
    const kind = round.random.pick(['all', 'one', 'signals']);
    if (kind === 'one') {
      const chosen = 1 + round.random.below(Math.max(1, proxy.counts().connections));
      proxy.hold((_, number) => number === chosen);
    } else proxy.hold();
    if (kind === 'all') {
      await Promise.race([sleep(round.random.below(12_000)), running.outcome]);
      proxy.release();
    } else if (kind === 'signals') {
      await sleep(round.random.below(1000));
      for (let signal = 0; signal < 2; signal += 1) {
        running.child.kill('SIGINT');
        await sleep(300);
      }
    }
    const outcome = await round.outcomeOf(running);
    countTime(round.row, since);
    if (kind === 'signals' && performance.now() - since > END_MS + 2000) round.complain(['it did not end'], outcome);
    proxy.release();
    await expectTrue(round, trials, outcome, {
      before,
      anyStop,
      codes: kind === 'signals' ? [0, 1, 5, 130] : [0, 1, 5],
    });
  } finally {
    await proxy.close();
  }
  await finish(round, args);
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
