import type { MigrationSet } from './migrations.js';
import type { FleetState } from './state.js';

/** A line of the table: what was tried and what came of it. */
export type Row = {
  rounds: number;
  /** Where the fault hit: no tenant had anything new; some had; all had everything. */
  before: number;
  middle: number;
  after: number;
  /** Runs that were hit and ended with exit code 0 all the same. */
  survived: number;
  /** Runs that were hit and reported a failure; under the table stands which. */
  reported: number;
  /** Tenants for which the next run had something left to do. */
  leftToDo: number;
  /** Longest time from the fault to the end of the run that it hit, in ms. */
  slowestMs: number;
  /** Runs that took longer than a minute from then on. */
  overAMinute: number;
  failures: number;
};

/** What of the fleets was tried, by kind of fault. */
export class Tally {
  readonly #rows = new Map<string, Row>();
  readonly #reasons = new Map<string, number>();

  row(label: string): Row {
    const known = this.#rows.get(label) ?? {
      rounds: 0,
      before: 0,
      middle: 0,
      after: 0,
      survived: 0,
      reported: 0,
      leftToDo: 0,
      slowestMs: 0,
      overAMinute: 0,
      failures: 0,
    };
    this.#rows.set(label, known);
    return known;
  }

  /** Notes what a run gave as its reason for having failed. */
  reason(label: string, text: string): void {
    const line = `${label}: ${text}`;
    this.#reasons.set(line, (this.#reasons.get(line) ?? 0) + 1);
  }

  print(): void {
    console.table(Object.fromEntries(this.#rows));
    for (const [line, count] of [...this.#reasons].toSorted()) console.log(`${count} × ${line}`);
  }
}

/** Counts where a fault has hit: by how many tenants have nothing new, something, everything. */
export function countHit(row: Row, { schemas }: FleetState, set: MigrationSet): void {
  const lengths = [...schemas.values()].map(({ applied }) => applied.length);
  if (lengths.every((length) => length === set.all.length)) row.after += 1;
  else if (lengths.every((length) => length <= 1)) row.before += 1;
  else row.middle += 1;
}

/** Counts how long a run went on after the fault; `since` is a reading of `performance.now()`. */
export function countTime(row: Row, since: number): void {
  const ms = Math.round(performance.now() - since);
  row.slowestMs = Math.max(row.slowestMs, ms);
  if (ms > 60_000) row.overAMinute += 1;
}
