import type { Scenario } from '../options.js';
import type { Migration } from '../project.js';
import type { Outcome } from '../run-program.js';

/** What a contender is measured on. */
export type Task = {
  scenario: Scenario;
  /** Of the database, perhaps through a proxy. */
  url: string;
  /** The database itself, for what is prepared. */
  directUrl: string;
  /** The project, whose migrations are those of the tenants. */
  folder: string;
  /** A folder for ready-made files; it is removed afterwards. */
  scratch: string;
  /** The tenants it is about: all, or the new one. */
  tenants: string[];
  /** What they must still be sent. */
  pending: Migration[];
  connections: number;
};

/** Something that does a scenario's work, run as a whole program from outside. */
export type Contender = {
  name: string;
  /** What the others are compared with. */
  role: 'floor' | 'ours' | 'peer';
  scenarios: readonly Scenario[];
  /** Tenants that it is run on; its time is scaled up to all. */
  sample?: number;
  /** Prepares what is not measured, and returns what is. */
  prepare(task: Task): Promise<() => Promise<Outcome>>;
};

/** Scenarios that send migrations. */
export const APPLYING: readonly Scenario[] = ['one', 'all', 'create'];
/** Scenarios that only look. */
export const LOOKING: readonly Scenario[] = ['noop', 'status', 'plan'];
