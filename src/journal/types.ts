import type { SerializedError } from '../errors/serialize.js';
import type { TenantResult } from '../executors/types.js';

/** What only the command line knows about a run. */
export type Invocation = {
  /** The command with its arguments, without anything secret. */
  commandLine: string;
  /** The exit code that a signal gives the process, if there was one. */
  signalExitCode: () => number | undefined;
};

/** How many tenants there were, by what became of them: the field `tenants` of the command's document. */
export type RunCounts = Record<string, number>;

/** What became of the shared schema in a run. */
export type RecordedShared = { status: string; migrations: string[]; error: SerializedError | null };

/** One run as the journal has it. */
export type RecordedRun = {
  id: number;
  /** `migrate`, `rollback`, `create-tenant`, `doctor --fix` and so on. */
  command: string;
  /** The command line without secrets; `null` for a call of the library. */
  commandLine: string | null;
  startedAt: string;
  /** `null` while it goes on; of an interrupted run, when its last result was recorded. */
  finishedAt: string | null;
  /** `null` while it goes on, and for a run that was ended from outside. */
  exitCode: number | null;
  /** `interrupted`: the process was ended from outside, and a later run found out what it had done. */
  state: 'running' | 'finished' | 'interrupted';
  counts: RunCounts;
  /** Account of the operating system. */
  user: string | null;
  databaseUser: string | null;
  host: string | null;
  /** Version of this product. */
  version: string | null;
  /** Revision of the project's Git repository. */
  commit: string | null;
  /** The run was about all tenants. */
  wholeFleet: boolean;
  shared: RecordedShared | null;
  /** Why the whole run failed, if it did. */
  error: SerializedError | null;
};

/** What became of one tenant in a run. The status is that of `TenantResult`, or says what a change of one tenant did. */
export type RecordedResult = {
  tenant: string;
  status: TenantResult['status'] | 'created' | 'cloned' | 'renamed' | 'deleted' | 'unregistered';
  startedAt: string | null;
  durationMs: number | null;
  /** What was applied or undone. */
  migrations?: string[];
  /** What a failed tenant kept. */
  committed?: string[];
  /** Where it failed. */
  migration?: string;
  /** Why it was not executed. */
  reason?: string;
  attempts?: { sqlstate: string; count: number }[];
  warnings?: string[];
  /** With SQLSTATE, message, migration, file, line and statement. */
  error?: SerializedError;
  /** It could not be found out what became of it. */
  unknownOutcome?: true;
  /** The run was ended from outside, and a later one found this out. */
  completed?: true;
};

/** Tenants that a run is about to hand out, which stand at the same place. */
export type PlannedTenants = {
  type: string | null;
  applied: readonly string[];
  migrations: readonly string[];
  members: readonly { schema: string; oid: number | null }[];
};

/** Where a schema stands now, for the completion of the record of an interrupted run. */
export type PlaceNow = { oid: number | null; applied: readonly string[]; readable: boolean };

/** Reads where schemas stand now. */
export type ReadPlaces = (schemas: readonly string[]) => Promise<ReadonlyMap<string, PlaceNow>>;
