import { setTimeout as sleep } from 'node:timers/promises';

import type { QueryResultRow } from 'pg';

import { isRunning } from '../executors/fleets.js';
import { withAdmin } from '../support/admin.js';
import type { RestartableServer } from '../support/restartable-server.js';
import { type CliOutcome, type RunningCli, spawnCli } from '../support/run-cli.js';
import { complainAbout, type Expected } from './complaints.js';
import type { FaultFleet } from './fleet.js';
import type { Random } from './random.js';
import { type FleetState, readState } from './state.js';
import type { Row } from './tally.js';

/** ms after which a run that has not ended is taken for hanging. */
const PATIENCE = 180_000;
/** ms in which the backends of a dead process must be gone. */
const SETTLE = 15_000;

/** One trial on a database of its own. */
export class Round {
  readonly label: string;
  readonly number: number;
  readonly random: Random;
  readonly server: RestartableServer;
  readonly fleet: FaultFleet;
  readonly url: string;
  readonly row: Row;
  readonly #database: string;
  readonly #running = new Set<RunningCli>();

  constructor(parts: {
    label: string;
    number: number;
    random: Random;
    server: RestartableServer;
    fleet: FaultFleet;
    row: Row;
    database: string;
  }) {
    this.label = parts.label;
    this.number = parts.number;
    this.random = parts.random;
    this.server = parts.server;
    this.fleet = parts.fleet;
    this.row = parts.row;
    this.#database = parts.database;
    this.url = parts.server.urlOf(parts.database);
  }

  get database(): string {
    return this.#database;
  }

  /** Starts the command line on this round's database. */
  spawn(args: string[], options: { url?: string; cwd?: string } = {}): RunningCli {
    const env = { DATABASE_URL: options.url ?? this.url };
    const running = spawnCli(args, { cwd: options.cwd ?? this.fleet.project.root, env });
    running.child.stdin.end();
    this.#running.add(running);
    void running.outcome.finally(() => this.#running.delete(running));
    return running;
  }

  /** Waits for the end of a command; one that hangs is killed and complained about. */
  async outcomeOf(running: RunningCli): Promise<CliOutcome> {
    const patience = new AbortController();
    const hangs = sleep(PATIENCE, undefined, { signal: patience.signal }).then(() => {
      const { stdout, stderr } = running.output();
      throw new Error(`It hangs: ${running.child.spawnargs.slice(2).join(' ')}\n${stdout}\n${stderr}`);
    });
    try {
      return await Promise.race([running.outcome, hangs]);
    } finally {
      patience.abort();
      hangs.catch(() => {});
    }
  }

  async run(args: string[], options: { url?: string; cwd?: string } = {}): Promise<CliOutcome> {
    return await this.outcomeOf(this.spawn(args, options));
  }

  async query<R extends QueryResultRow>(sql: string): Promise<R[]> {
    return await withAdmin(this.url, async (client) => (await client.query<R>(sql)).rows);
  }

  /** Waits until nobody is at work on the database any more, and returns what is there then. */
  async settle(workers: readonly number[] = []): Promise<FleetState> {
    const until = Date.now() + SETTLE;
    for (;;) {
      const backends = await this.query<{ pid: number }>(LEFT_OVER);
      const alive: number[] = [];
      for (const pid of workers) if (await isRunning(pid)) alive.push(pid);
      if (backends.length === 0 && alive.length === 0) break;
      if (Date.now() > until) {
        throw new Error(`Left over after ${SETTLE} ms: ${JSON.stringify(backends)}, processes ${alive.join(', ')}`);
      }
      await sleep(25);
    }
    return await readState(this.url);
  }

  /** Fails with everything that is wrong with the fleet. */
  expect(state: FleetState, expected: Omit<Expected, 'set'>, output?: CliOutcome): void {
    this.complain(complainAbout(state, { set: this.fleet.set, ...expected }), output);
  }

  complain(complaints: readonly string[], output?: CliOutcome): void {
    if (complaints.length === 0) return;
    const told = output === undefined ? '' : `\nIt said (${output.code}): ${output.stdout}\n${output.stderr}`;
    throw new Error(`${complaints.slice(0, 8).join('\n')}${complaints.length > 8 ? '\n…' : ''}${told}`);
  }

  /** Fails unless a command ended with this code. */
  expectCode(outcome: CliOutcome, ...codes: number[]): void {
    if (outcome.code !== null && codes.includes(outcome.code)) return;
    throw new Error(
      `Exit code ${outcome.code ?? outcome.signal}, not ${codes.join(' or ')}:\n${outcome.stdout}\n${outcome.stderr}`,
    );
  }

  /** Ends what still runs and removes the database. */
  async close(): Promise<void> {
    for (const { child } of this.#running) child.kill('SIGKILL');
    await this.server.admin(`DROP DATABASE IF EXISTS ${this.#database} WITH (FORCE)`);
  }
}

/** Sessions and advisory locks other than one's own. */
const LEFT_OVER = `SELECT a.pid, a.application_name AS application, a.state, left(a.query, 100) AS query,
    (SELECT count(*)::int FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory') AS locks
  FROM pg_stat_activity a
 WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'`;
