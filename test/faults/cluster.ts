import { setTimeout as sleep } from 'node:timers/promises';

import { withAdmin } from '../support/admin.js';
import { type DebianPostgres, findPostgres, startPostgres } from '../support/debian-postgres.js';
import { openProxy, type Proxy } from '../support/proxy.js';
import type { RestartableServer } from '../support/restartable-server.js';
import type { RunningCli } from '../support/run-cli.js';
import { complainAboutReport, doneBy, type RunDocument } from './complaints.js';
import { finish, migrateArgs } from './kills.js';
import { Round } from './round.js';
import { readState } from './state.js';
import { countTime } from './tally.js';

/** A fleet that is behind, on a primary that a standby follows by way of a proxy; the address leads to one of the two. */
type Cluster = { primary: DebianPostgres; standby: DebianPostgres; replication: Proxy; address: Proxy; round: Round };

/** The standby falls behind at one moment of a run and takes the place of the primary at a later one. */
export async function failOver(outer: Round): Promise<void> {
  await withCluster(outer, async ({ primary, standby, replication, address, round }) => {
    const args = migrateArgs(round);
    const before = await readState(round.url);
    const count = round.fleet.tenants.length;
    const behindAt = round.random.below(count - 2);
    const lostAt = behindAt + 1 + round.random.below(count - behindAt - 1);
    const running = round.spawn([...args, '--concurrency', '2']);
    await untilDone(primary, running, behindAt);
    replication.hold();
    await untilDone(primary, running, lostAt);
    const over = running.child.exitCode !== null;
    const lost = performance.now();
    await primary.crash();
    await withAdmin(standby.url, (client) => client.query('SELECT pg_promote(true, 60)'));
    address.retarget(standby.config);
    const outcome = await round.outcomeOf(running);
    countTime(round.row, lost);
    round.row[over ? 'after' : 'middle'] += 1;
    const left = await round.settle();
    round.expect(left, { at: 'between' }, outcome);
    round.expectCode(outcome, 0, 1, 5);
    // A run that had ended before the failover could not know of it.
    if (!over) round.complain(complainAboutReport(outcome.json<RunDocument>(), before, left), outcome);
    round.row[outcome.code === 0 ? 'survived' : 'reported'] += 1;
    await finish(round, args);
  });
}

/** A synchronous standby says nothing for up to half a minute; everything is done all the same. */
export async function pauseStandby(outer: Round): Promise<void> {
  await withCluster(outer, async ({ primary, replication, round }) => {
    await withAdmin(primary.url, async (client) => {
      await client.query(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
      await client.query('SELECT pg_reload_conf()');
    });
    const args = migrateArgs(round);
    const running = round.spawn(args);
    await untilDone(primary, running, round.random.below(round.fleet.tenants.length));
    round.row.middle += 1;
    const since = performance.now();
    replication.hold();
    await Promise.race([sleep(round.random.below(30_000)), running.outcome]);
    replication.release();
    const outcome = await round.outcomeOf(running);
    countTime(round.row, since);
    round.expectCode(outcome, 0);
    round.expect(await round.settle(), { at: 'all' }, outcome);
    if (doneBy(outcome.json<RunDocument>()) === 0) round.complain(['nothing was done'], outcome);
    round.row.survived += 1;
  });
}

async function withCluster(outer: Round, use: (cluster: Cluster) => Promise<void>): Promise<void> {
  const bin = findPostgres() ?? '';
  const settings = { wal_sender_timeout: '0', wal_receiver_timeout: '0', wal_retrieve_retry_interval: '100ms' };
  const primary = await startPostgres(bin, settings);
  const replication = await openProxy(primary);
  const address = await openProxy(primary);
  const standby = await primary.startStandby(replication.config);
  const { label, number, random, row, fleet } = outer;
  const server = serverAt(address);
  const round = new Round({ label, number, random, row, fleet, server, database: 'postgres' });
  try {
    const create = ['migrate', '--create-missing', '--json'];
    round.expectCode(await round.run(create, { cwd: fleet.older.root }), 0);
    await round.query(`INSERT INTO tenants (schema_name) SELECT unnest('{${fleet.tenants.join(',')}}'::text[])`);
    round.expectCode(await round.run(create, { cwd: fleet.older.root }), 0);
    await untilReplicated(primary, standby);
    await use({ primary, standby, replication, address, round });
  } finally {
    await round.close();
    await Promise.all([address.close(), replication.close()]);
    await Promise.all([primary.stop(), standby.stop()]);
  }
}

/** What a round needs of a server: where it is. It goes with the cluster. */
function serverAt({ url, config }: Proxy): RestartableServer {
  const no = (): Promise<never> => Promise.reject(new Error('A cluster is not restarted.'));
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    url,
    urlOf: () => url,
    configOf: () => config,
    admin: nothing,
    createDatabase: no,
    stop: no,
    start: no,
    close: nothing,
  };
}

/** Waits until so many tenants have their migrations, or the command has ended. */
async function untilDone({ url }: DebianPostgres, { child }: RunningCli, count: number): Promise<void> {
  await withAdmin(url, async (client) => {
    while (child.exitCode === null) {
      const { rows } = await client.query<{ done: number }>(
        `SELECT count(*)::int AS done FROM pg_class WHERE relname = 'last'`,
      );
      if ((rows[0]?.done ?? 0) >= count) return;
      await sleep(8);
    }
  });
}

async function untilReplicated(primary: DebianPostgres, standby: DebianPostgres): Promise<void> {
  const [row] = await withAdmin(primary.url, async (client) => {
    return (await client.query<{ at: string }>('SELECT pg_current_wal_lsn()::text AS at')).rows;
  });
  await withAdmin(standby.url, async (client) => {
    for (let tries = 0; tries < 1000; tries += 1) {
      const { rows } = await client.query<{ here: boolean }>('SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS here', [
        row?.at,
      ]);
      if (rows[0]?.here === true) return;
      await sleep(20);
    }
    throw new Error('The standby did not follow.');
  });
}
