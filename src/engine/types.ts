import type { SerializedError } from '../errors/serialize.js';

/**
 * The engine's words.
 *
 * A *migration file* is one file of a migrations directory. *Compiling* asks node-pg-migrate which SQL it would run for
 * it. A *plan* is what one cohort must run: migrations in segments, each segment one transaction or none at all.
 * Everything here is plain JSON, because plans cross process borders.
 */

export type Direction = 'up' | 'down';

/** Formats whose migrations are functions that are given the query builder of their tool. */
export type BuilderFormat = 'knex' | 'kysely';

/** How another tool lays out its migrations; `module` is a format of the user's. node-pg-migrate's own has no name here. */
export type FormatName =
  | 'drizzle'
  | 'prisma'
  | 'plain'
  | 'pairs'
  | 'dbmate'
  | 'goose'
  | 'flyway'
  | BuilderFormat
  | 'module';

/**
 * One file of a migrations directory; `name` is the file name without its extension, or in formats with one folder for
 * each migration the name of the folder. It is the key of the bookkeeping.
 */
export type MigrationFile = {
  name: string;
  path: string;
  /** Absent for node-pg-migrate's own format. */
  format?: FormatName;
  /** Names of the migrations that it takes the place of, oldest first: `-- tenants: replaces …`. */
  replaces?: string[];
  /** It waits until the new code runs everywhere: `-- tenants: phase=post`. */
  phase?: 'post';
  /** The file that undoes it, in formats that have two files for a migration. */
  downPath?: string;
  /** Absolute path of the module that reads it, for the format `module`. */
  module?: string;
};

/** How node-pg-migrate reads a directory; the same options it has itself. */
export type MigrationSource = {
  /** Absolute path of the directory. */
  directory: string;
  ignorePattern: string | undefined;
  decamelize: boolean;
  tsconfigPaths: boolean | string;
  /** The format of another tool, as configured; absent for node-pg-migrate's own. */
  format?: FormatSetting;
  /** The schema by which the folder of another tool names its own objects, where that is not the schema they go into. */
  applicationSchema?: string;
};

/**
 * `sql` stands for every format of plain SQL files, `auto` for whatever the directory shows; an absolute path names a module
 * of the user's.
 */
export type FormatSetting = 'drizzle' | 'prisma' | 'sql' | BuilderFormat | 'auto' | (string & {});

/** One SQL statement as it goes to the server. */
export type Statement = {
  sql: string;
  /** Line of the file where it begins, or of the call that made it; not known for node-pg-migrate's JavaScript. */
  line?: number;
  /** The server's grammar did not accept the text: it is sent alone, as a simple query. */
  unparsed?: true;
  /** Leaves traces in the session (`SET`, temporary tables, `LISTEN`, …) that must not reach the next tenant. */
  session?: true;
  /** May write rows, so that deferred constraints can be pending afterwards. */
  writes?: true;
  /** What it changes cannot be looked up beforehand, as that of a function: it is looked at before the COMMIT. */
  watched?: true;
  /** `CREATE INDEX CONCURRENTLY`, recognized so that a half-built index is found again. */
  createsIndex?: { name: string | null; table: string };
  /** `DROP INDEX CONCURRENTLY`: an absent index is success when the statement is repeated. */
  dropsIndexes?: string[];
};

/** An unqualified object that a statement changes: it must be the tenant's own, never one found in the shared schema. */
export type DdlTarget = {
  kind: 'relation' | 'type' | 'function';
  name: string;
  migration: string;
  /** It need not exist (`IF EXISTS`, names that the server chose), but must not be found in another schema either. */
  optional?: true;
};

/** What one migration file does in one direction. */
export type CompiledMigration = {
  name: string;
  path: string;
  direction: Direction;
  /** `direct`: node-pg-migrate runs it tenant by tenant, because its SQL cannot be known beforehand. */
  mode: 'compiled' | 'direct';
  /** Why it is direct, in words for people. */
  reason?: string;
  transaction: boolean;
  /** Empty in direct mode. */
  statements: Statement[];
  /** Unqualified DDL targets that no earlier statement of the same migration creates. */
  targets: DdlTarget[];
  /** Unqualified relations, types and functions that it creates, so that later migrations of a plan may change them. */
  creates: { kind: DdlTarget['kind']; name: string }[];
  /** Extensions that it creates. */
  extensions?: string[];
  /**
   * Nothing is run: the rows of these migrations, in the order in which they were applied, are replaced by its own, in the place of the
   * last of them.
   */
  replaces?: string[];
  /** `-- tenants: allow-fall-through` stands in the file. */
  allowFallThrough: boolean;
  /** A later migration of the same transaction does its work and writes its row: a snapshot takes the place of all of them. */
  recorded?: true;
  warnings: string[];
};

/** Migrations that share a transaction, or one migration that has none. */
export type Segment = {
  transaction: boolean;
  migrations: CompiledMigration[];
  /** It makes the tenant's schema and nothing in it; the first segment, where it is there. */
  schemaOnly?: true;
};

/** What every tenant of one cohort must run. */
export type Plan = {
  id: string;
  /** Whose plan it is: the shared schema's or a tenant type's (`null` is the default type). */
  scope: { kind: 'shared' } | { kind: 'tenants'; type: string | null };
  source: MigrationSource;
  direction: Direction;
  /** The applied list that the migrations table must hold when the plan starts, oldest first. */
  applied: string[];
  /** The applied names as the files have them, where that is another order. */
  fileOrder?: string[];
  /** Whether the migrations table exists when the plan starts; if not, the plan creates it. */
  tableExists: boolean;
  /** Only the bookkeeping rows are written, in one transaction. */
  fake: boolean;
  mode: 'compiled' | 'direct';
  segments: Segment[];
};

/** Settings that hold for every tenant of a run. */
export type ApplySettings = {
  sharedSchema: string;
  extraSearchPath: string[];
  migrationsTable: string;
  /** `SET ROLE` on every lane. */
  role: string | undefined;
  /** ms; 0 waits forever. */
  lockTimeoutMs: number;
  /** ms; 0 is no limit. */
  statementTimeoutMs: number;
  /** How often a transaction is retried after a transient error. */
  retries: number;
  /** How long a server that is away is waited for, in ms. */
  restartWaitMs: number;
  fallThrough: 'error' | 'warn' | 'off';
  /** Commits are not waited for until they are durable: whoever hands out tenants sees to that, for many at once. */
  groupCommit?: boolean;
  /** Schemas that are made for tenants are distributed by Citus. */
  distribute?: boolean;
  /** The registry's tenant table and its key column, to see that the tenant is still registered; `undefined` skips the look. */
  registry: { schema: string; table: string; column: string } | undefined;
};

/** One schema to which a plan is applied. */
export type TenantAssignment = {
  tenant: string;
  planId: string;
  /** OID that the survey saw; `null` when the schema does not exist and the plan creates it. */
  schemaOid: number | null;
};

/** Why a tenant was left as it was although it had work to do. */
export type NotExecutedReason =
  | 'sharedFailed'
  | 'canaryFailed'
  | 'failFast'
  | 'maxFailures'
  /** The run had lasted as long as it may. */
  | 'maxDuration'
  /** It was not the time of day at which tenants are started. */
  | 'window'
  /** The wave of the tenant was not begun. */
  | 'laterWave'
  | 'interrupted'
  | 'lockLost'
  /** No more connections were available. */
  | 'unreachable'
  /** The executor gave up: its workers died one after the other. */
  | 'executorFailed';

/** What happened to one tenant. Plain JSON: it crosses process borders and stands in reports unchanged. */
export type TenantResult = {
  tenant: string;
  /** Errors after which the tenant was tried again, by SQLSTATE. */
  attempts?: { sqlstate: string; count: number }[];
  /** What was let pass but should be known. */
  warnings?: string[];
} & (
  | { status: 'applied' | 'rolledBack'; migrations: string[]; durationMs: number }
  | { status: 'upToDate' | 'missing' }
  /** `committed` names the migrations that earlier segments of the same plan had committed. */
  | {
      status: 'failed';
      committed: string[];
      migration?: string;
      error: SerializedError;
      /** The connection broke at the end and the server could not be asked what became of the transaction. */
      unknownOutcome?: boolean;
    }
  | { status: 'notExecuted'; reason: NotExecutedReason }
);
