import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ensureBuilt } from '../support/build.js';
import { findPostgres } from '../support/debian-postgres.js';
import { failOver, pauseStandby } from './cluster.js';
import { killCreate, killDelete, killRename, killRollback } from './commands.js';
import { cutConnection, restartServer, swallowConnections } from './disturbances.js';
import { hostileCode, plantShadowsFirst, turnClockBack } from './hostile.js';
import { killMigrate } from './kills.js';
import { IS_LONG, NUMBERS } from './numbers.js';
import { randomFor, SEED } from './random.js';
import { createMeanwhile, runTwice } from './side-by-side.js';
import { type Play, Trials } from './trials.js';

let trials: Trials;

beforeAll(async () => {
  console.log(`Seed of the fault tests: ${SEED} (TENANTS_FAULTS_SEED=${SEED} repeats them)`);
  await ensureBuilt();
  trials = await Trials.open();
}, 120_000);

afterAll(async () => {
  if (trials === undefined) return;
  trials.tally.print();
  await trials.close();
}, 60_000);

/** Plays rounds, at most so many at once, and expects that none of them went wrong. */
function faults(name: string, count: number, atOnce: number, from: 'behind' | 'current', play: Play): void {
  const label = name.replace(/,.*/, '');
  // The short form plays half of the kinds, drawn anew each time.
  const played = IS_LONG || randomFor(`kind ${label}`).chance(0.5);
  it.skipIf(!played)(`${count} × ${name}`, { timeout: 60_000 + count * 30_000 }, async () => {
    const failures = await trials.play(label, count, atOnce, from, play);
    expect(failures.join('\n\n')).toBe('');
    // A suite whose faults hit nothing would prove nothing.
    const { middle } = trials.tally.row(label);
    if (IS_LONG && HITS.has(play)) expect(middle).toBeGreaterThan(count / 5);
  });
}

/** Faults that ought to hit between the first and the last tenant. */
const HITS: ReadonlySet<Play> = new Set([killMigrate, restartServer, cutConnection, killRollback]);

faults('migrate is killed, and the next run finishes', NUMBERS.kills, 2, 'behind', killMigrate);
faults('the server restarts, and the run goes on or says what it left', NUMBERS.restarts, 1, 'behind', restartServer);
faults('a connection is cut, and the run goes on or says what it left', NUMBERS.cuts, 2, 'behind', cutConnection);
faults(
  'connections are swallowed, and the run goes on or says what it left',
  NUMBERS.swallows,
  2,
  'behind',
  swallowConnections,
);
faults('two runs at once, of which one waits or is turned away', NUMBERS.pairs, 1, 'behind', runTwice);
faults('create-tenant during migrate, and both are done', NUMBERS.creations, 2, 'behind', createMeanwhile);
faults('create-tenant is killed, and the same command finishes it', NUMBERS.commands, 2, 'current', killCreate);
faults('delete-tenant is killed, and the same command finishes it', NUMBERS.commands, 2, 'current', killDelete);
faults('rename-tenant is killed, and the same command finishes it', NUMBERS.commands, 2, 'current', killRename);
faults('rollback is killed, and the same command finishes it', NUMBERS.commands, 2, 'current', killRollback);
faults('migrations end the process, and the next run finishes', NUMBERS.hostile, 2, 'behind', hostileCode);
faults('the clock goes back, and the order of the files stays', NUMBERS.clocks, 1, 'behind', turnClockBack);
faults('shadow objects are planted, and none is called', NUMBERS.shadows, 1, 'behind', plantShadowsFirst);

describe.skipIf(findPostgres() === undefined)('with a standby (needs the PostgreSQL of the operating system)', () => {
  faults('a failover to a lagging standby, and what is lost is done again', NUMBERS.failovers, 1, 'behind', failOver);
  faults('a synchronous standby is paused, and the run waits for it', NUMBERS.pauses, 1, 'behind', pauseStandby);
});
