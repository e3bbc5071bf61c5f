import type { SerializedError } from '../../errors/serialize.js';
import type { SchemaSelection } from '../../fleet/selection.js';
import type { FleetEvent } from '../../fleet/types.js';

export type ProgramEnvironment = Readonly<Record<string, string | undefined>>;

export type ExecOptions = SchemaSelection & {
  /** A program and its arguments; no shell looks at them. */
  command: readonly [string, ...string[]];
  /** Where the program runs, and the environment that it gets besides what leads to its tenant. */
  cwd: string;
  env: ProgramEnvironment;
  /** Called with lines that the programs write, as they come; the program waits for what it returns. What it throws ends the run. */
  onLines: (tenant: string, stream: 'stdout' | 'stderr', lines: readonly string[]) => Promise<void> | void;
  /** Aborted by the first signal: no new programs, and those at work get the signal that `signal` names. */
  drain?: AbortSignal;
  /** Aborted by the second: programs at work are killed. */
  cancel?: AbortSignal;
  /** The signal behind `drain`. Default: SIGTERM. */
  signal?: () => NodeJS.Signals;
  onEvent?: (event: FleetEvent) => void;
};

/** `exitCode` is 128 and more for a program that a signal ended, `null` for one that was not started; `error` says why. */
export type ExecResult = { tenant: string; exitCode: number | null; error?: SerializedError };

export type ExecReport = {
  /** In the order of the tenants. */
  results: ExecResult[];
  interrupted: boolean;
  durationMs: number;
};
