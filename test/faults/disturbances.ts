import { setTimeout as sleep } from 'node:timers/promises';

import { openProxy } from '../support/proxy.js';
import { expectTrue, finish, migrateArgs, variation } from './kills.js';
import { until } from './moment.js';
import type { Round } from './round.js';
import { readState } from './state.js';
import { slowest, type Trials } from './trials.js';

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
  slowest(round.row, lost);
  await expectTrue(round, outcome, before, anyStop);
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
    proxy.cutOne((open) => round.random.below(open), round.random.pick(['now', 'before', 'after']));
    const outcome = await round.outcomeOf(running);
    slowest(round.row, cut);
    await expectTrue(round, outcome, before, anyStop);
  } finally {
    await proxy.close();
  }
  await finish(round, args);
}
