import { type RestartableServer, startRestartableServer } from '../support/restartable-server.js';
import { type FaultFleet, prepareFleet } from './fleet.js';
import { type MigrationSet, SETS } from './migrations.js';
import { drawMoment, measure, type Moment, type Progress, type Timeline } from './moment.js';
import { IS_LONG, NUMBERS } from './numbers.js';
import { randomFor, SEED } from './random.js';
import { Round } from './round.js';
import { Tally } from './tally.js';

/** After so many failed rounds the rest of a kind is not tried. */
const ENOUGH = 10;

export type Play = (round: Round, trials: Trials) => Promise<void>;

/** A server, its fleets, and what was tried on them. */
export class Trials {
  readonly server: RestartableServer;
  readonly tally = new Tally();
  readonly #fleets = new Map<MigrationSet, Promise<FaultFleet>>();
  readonly #timelines = new Map<string, Promise<Timeline>>();
  #databases = 0;

  private constructor(server: RestartableServer) {
    this.server = server;
  }

  static async open(): Promise<Trials> {
    // A small lock table, so that a large schema need not be very large.
    const trials = new Trials(await startRestartableServer({ max_locks_per_transaction: '16' }));
    await trials.#fleetOf(SETS.mixed).catch(async (error: unknown) => {
      await trials.close();
      throw error;
    });
    return trials;
  }

  async close(): Promise<void> {
    await this.server.close();
    for (const fleet of await Promise.allSettled(this.#fleets.values())) {
      if (fleet.status === 'rejected') continue;
      for (const project of [fleet.value.project, fleet.value.older]) await project.remove();
    }
  }

  /** Plays `count` rounds, so many at once, and returns what went wrong, with seed and round. */
  async play(label: string, count: number, atOnce: number, from: 'behind' | 'current', play: Play): Promise<string[]> {
    const failures: string[] = [];
    const row = this.tally.row(label);
    let next = 0;
    const stream = async (): Promise<void> => {
      while (next < count && failures.length < ENOUGH) {
        const number = (next += 1);
        const random = randomFor(`${label} ${number}`);
        // The executors take turns by threes: each of them meets both.
        const fleet = await this.#fleetOf(IS_LONG && Math.floor(number / 3) % 3 === 0 ? SETS.plain : SETS.mixed);
        const round = await this.#open(fleet, from, { label, number, random, row });
        try {
          await play(round, this);
          row.rounds += 1;
        } catch (error) {
          row.failures += 1;
          const text = error instanceof Error ? error.message : String(error);
          failures.push(`seed ${SEED}, ${label}, round ${number} (${fleet.set.label}): ${text}`);
        } finally {
          await round.close();
        }
      }
    };
    await Promise.all(Array.from({ length: atOnce }, stream));
    return failures;
  }

  /** A random moment of a command, from how it went when it was measured on the same fleet. */
  async moment(round: Round, from: 'behind' | 'current', progress: Progress, args: string[]): Promise<Moment> {
    const key = [round.fleet.set.label, from, ...args].join(' ');
    let timeline = this.#timelines.get(key);
    if (timeline === undefined) {
      timeline = this.#measure(round.fleet, from, progress, args);
      this.#timelines.set(key, timeline);
    }
    return drawMoment(await timeline, round.random);
  }

  #fleetOf(set: MigrationSet): Promise<FaultFleet> {
    const fleet = this.#fleets.get(set) ?? prepareFleet(this.server, set, NUMBERS.tenants);
    this.#fleets.set(set, fleet);
    return fleet;
  }

  async #measure(fleet: FaultFleet, from: 'behind' | 'current', progress: Progress, args: string[]): Promise<Timeline> {
    const row = this.tally.row('measured');
    const round = await this.#open(fleet, from, { label: 'measured', number: 0, random: randomFor('measured'), row });
    try {
      const timeline = await measure(round.url, round.spawn(args), progress);
      row.rounds += 1;
      row.slowestMs = Math.max(row.slowestMs, Math.round(timeline.end));
      return timeline;
    } finally {
      await round.close();
    }
  }

  async #open(
    fleet: FaultFleet,
    from: 'behind' | 'current',
    parts: Pick<Round, 'label' | 'number' | 'random' | 'row'>,
  ): Promise<Round> {
    const database = `round_${(this.#databases += 1)}`;
    // The other strategy copies sequences without noting in the log how far they may run without another note: after an
    // immediate stop they would give out the same numbers again.
    await this.server.admin(`CREATE DATABASE ${database} TEMPLATE ${fleet[from]} STRATEGY file_copy`);
    return new Round({ ...parts, server: this.server, fleet, database });
  }
}
