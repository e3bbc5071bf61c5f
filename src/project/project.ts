import type { DatabaseConfig } from '../db/database-config.js';
import type { HookSource } from '../executors/worker-hooks.js';
import type { LintLevels } from '../lint/rule-names.js';
import type { RegistryShape } from '../registry/names.js';
import type { MigrationsFormat, OtherFormat } from './formats.js';
import type { Hooks } from './hook-types.js';
import type { Rollout } from './rollout.js';

/** The configuration after loading and validation: absolute paths, numbers in ms, a database one can connect to. */
export type Project = {
  /** Folder of the configuration file; `.tenants/` lies in it. */
  root: string;
  database: DatabaseConfig;
  /** `format`, here and below: the format of another tool's migrations; absent for node-pg-migrate's own. */
  shared: { schema: string; migrations: string; format?: OtherFormat };
  tenants: {
    migrations: string;
    format?: OtherFormat;
    extraSearchPath: string[];
    /** Migrations directory of each tenant type; `undefined` when the project has one kind of tenant only. */
    types: Record<string, string> | undefined;
    /** Formats of types whose format is not `format`. */
    typeFormats?: Record<string, MigrationsFormat>;
    /** Columns of the tenant table, with directions, that give the order of hand-out; see `parseTenantOrder`. */
    order: string;
    /** Whether Citus places new schemas on its nodes; `auto`: as most tenants are. Default: `auto`. */
    distribute?: boolean | 'auto';
  };
  registry: RegistryShape;
  migrationsTable: string;
  checkOrder: boolean;
  ignorePattern: string | undefined;
  decamelize: boolean;
  tsconfigPaths: boolean | string;
  executor: string;
  maxProcesses: number;
  chunkSize: number;
  /** Lanes per process; `undefined` is the executor's default. */
  concurrency: number | undefined;
  role: string | undefined;
  fallThrough: 'error' | 'warn' | 'off';
  recycle: { tenants: number };
  /** A number, a share of a cohort (`5%`), or the name of a tenant. */
  canary: number | string;
  /** A number, or a share of the tenants (`2%`). */
  maxFailures: number | string | undefined;
  retries: number;
  lockTimeoutMs: number;
  statementTimeoutMs: number;
  lockWaitMs: number;
  transaction: 'tenant' | 'migration';
  /** Schema of the journal; `false` for no journal. */
  journal: { schema: string } | false;
  /** Where the snapshot is that new tenants start from. Default: in the journal. */
  snapshot?: { file?: string };
  /** How many schemas are kept ready for new tenants of each type. Default: none. */
  pool?: { size: number };
  /** What happens when a migration file was edited after it was applied. */
  checksums: 'error' | 'warn' | 'off';
  /** How a change of many tenants is spread over time. Default: at once. */
  rollout?: Rollout;
  /** Levels of rules of `lint` that are not the usual ones. Default: none. */
  lint?: { rules: LintLevels };
  /** How long a server that is away is waited for, in ms. Default: 30 seconds. */
  restartWaitMs?: number;
  /** Functions that are called when something happens to a tenant. Default: none. */
  hooks?: Hooks;
  /** How workers get the hooks around the migrations; without it only executors that work in this process can call them. */
  hooksOrigin?: HookSource['origin'];
};
