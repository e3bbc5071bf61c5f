import type { ClientConfig } from 'pg';

import type { LintLevels } from '../lint/rule-names.js';
import type { MigrationsFormat } from '../project/formats.js';
import type { Hooks } from '../project/hook-types.js';
import type { DomainTable, Renamed, TenantTable } from '../registry/names.js';

/** A duration: `'5s'`, `'250ms'`, `'2m'`, `'0'`, or a number of milliseconds. */
export type Duration = string | number;

/** What `tenants.config.ts` (or js, mjs, json, or `"tenants"` in package.json) may say. Every key has a default. */
export type TenantsConfig = {
  /** A PostgreSQL URL, a node-postgres configuration object, or `'embedded'`. No default: `DATABASE_URL` stands in. */
  database?: string | ClientConfig | undefined;
  shared?:
    | {
        /** Schema of the registry and of everything that all tenants share. Default: `'public'`. */
        schema?: string | undefined;
        /** Directory of the shared migrations. Default: `'./migrations/shared'`. */
        migrations?: string | undefined;
        /** Format of the shared migrations; the values are those of `tenants.format`. Default: `'node-pg-migrate'`. */
        format?: MigrationsFormat | undefined;
      }
    | undefined;
  tenants?:
    | {
        /** Directory of the tenant migrations. Default: `'./migrations/tenant'`. */
        migrations?: string | undefined;
        /** Format of the tenant migrations: `node-pg-migrate`, `drizzle`, `prisma`, `sql`, `knex`, `kysely`, `auto` to recognize it, or the path of a module. Default: `'node-pg-migrate'`. */
        format?: MigrationsFormat | undefined;
        /** Schemas that come after the tenant's and the shared one in the search path; no tenant's. Default: `[]`. */
        extraSearchPath?: string[] | undefined;
        /** Migrations directory of each value of the type column, `{ migrations, format }`, or `'rows'` for tenants that share tables. No default: one kind of tenant. */
        types?: Record<string, string | { migrations: string; format?: MigrationsFormat | undefined }> | undefined;
        /** Columns of the tenant table, with directions, that give the order of hand-out. Default: its key column, `'schema_name'`. */
        order?: string | undefined;
        /** On Citus, place new schemas on its nodes: `true`, `false`, or `'auto'`, as most tenants are. Default: `'auto'`. */
        distribute?: boolean | 'auto' | undefined;
      }
    | undefined;
  rows?:
    | {
        /** Column of the shared tables that says whose a row is. Default: `'tenant_id'`. */
        column?: string | undefined;
        /** Column of the tenant table that it refers to. No default: its id column. */
        key?: string | undefined;
        /** Setting that says which tenant a transaction is about. Default: `'app.tenant_id'`. */
        setting?: string | undefined;
        /** Schema of the tables that tenants share. No default: the shared schema. */
        schema?: string | undefined;
      }
    | undefined;
  registry?:
    | {
        /** Tenant table in the shared schema: its name, or name and columns. Default: `'tenants'`. */
        tenants?: string | Renamed<TenantTable> | undefined;
        /** Domain table in the shared schema: its name, or name and columns; `false` where tenants have no domains. Default: `'domains'`. */
        domains?: string | Renamed<DomainTable> | false | undefined;
        /** Rows with one of these statuses are left out of every fleet operation. Default: `[]`. */
        ignoreStatuses?: string[] | undefined;
      }
    | undefined;
  /** Bookkeeping table of node-pg-migrate, one in each schema. Default: `'pgmigrations'`. */
  migrationsTable?: string | undefined;
  /** Refuse tenants whose applied migrations are not in the order of the files. Default: `true`. */
  checkOrder?: boolean | undefined;
  /** Pattern for the files of a migrations directory to ignore. No default: dot files, `.d.ts`, `.map`, `.md`, `.txt`. */
  ignorePattern?: string | undefined;
  /** Turn camel case names into snake case in JavaScript migrations, as in node-pg-migrate. Default: `false`. */
  decamelize?: boolean | undefined;
  /** Resolve the paths of tsconfig.json in TypeScript migrations: `true`, or its file. Default: `false`. */
  tsconfigPaths?: boolean | string | undefined;
  /** `standard`, `multiprocessing`, `worker-threads`, or a module that exports an executor. Default: `'standard'`. */
  executor?: string | undefined;
  /** Worker processes or threads. Default: `2`. */
  maxProcesses?: number | undefined;
  /** Tenants that a worker is handed at once. Default: `2`. */
  chunkSize?: number | undefined;
  /** Tenants migrated at once in each process. No default: 4 for `standard`, 2 in each worker. */
  concurrency?: number | undefined;
  /** Role that owns what is created (`SET ROLE`). No default: the role that connects. */
  role?: string | undefined;
  /** When a tenant migration changes objects of another schema: `error`, `warn` or `off`. Default: `'error'`. */
  fallThrough?: 'error' | 'warn' | 'off' | undefined;
  recycle?:
    | {
        /** Tenants after which a connection is replaced. Default: `500`. */
        tenants?: number | undefined;
      }
    | undefined;
  /** Functions that are called around the migrations and the life of each tenant. Default: `{}`. */
  hooks?: Hooks | undefined;
  /** Tenants of each cohort that go first, alone: a number, a share such as `5%`, or a name; 0 means none. Default: `1`. */
  canary?: number | string | undefined;
  /** Failed tenants after which no more are started: a number, or a share such as `2%`. No default: all are tried. */
  maxFailures?: number | string | undefined;
  /** Number of retries after a transient error. Default: `3`. */
  retries?: number | undefined;
  /** Maximum time a statement waits for a lock; 0 means no limit. Default: `'5s'`. */
  lockTimeout?: Duration | undefined;
  /** Statement timeout; 0 means no limit. Default: `'0'`. */
  statementTimeout?: Duration | undefined;
  /** How long to wait while another run holds the fleet lock. Default: `'0s'`. */
  lockWait?: Duration | undefined;
  /** How long to wait for a database that does not answer yet. Default: `'0s'`. */
  connectWait?: Duration | undefined;
  /** One transaction for each `tenant`, or one for each `migration`. Default: `'tenant'`. */
  transaction?: 'tenant' | 'migration' | undefined;
  rollout?:
    | {
        /** Sizes of the waves, each including those before: numbers or shares such as `1,5%,25%,100%`. No default: one wave. */
        waves?: string | (number | string)[] | undefined;
        /** Pause between two waves, or `ask`. No default: the next `migrate` begins the next wave. */
        pause?: Duration | 'ask' | undefined;
        /** Failed tenants up to which the next wave begins: a number, or a share such as `2%`. No default: `maxFailures`, or none. */
        maxFailures?: number | string | undefined;
        /** Time after which no more tenants are started. No default: no limit. */
        maxDuration?: Duration | undefined;
        /** Times of day at which tenants are started: `22:00-05:00 Europe/Berlin`. No default: `always`. */
        window?: string | undefined;
        /** Pause of a lane between two tenants. No default: none. */
        delay?: Duration | undefined;
        /** Lag of a replica up to which tenants are started. No default: replicas are not looked at. */
        maxReplicaLag?: Duration | undefined;
        /** Other sessions waiting for locks up to which tenants are started. No default: they are not looked at. */
        maxLockWaits?: number | undefined;
      }
    | undefined;
  /** Where runs and checksums are recorded: `{ schema }`, or `false` for no record. Default: `{"schema":"tenants_journal"}`. */
  journal?:
    | {
        /** Schema that keeps the record of runs and the checksums; it is created when it is needed. */
        schema?: string | undefined;
      }
    | false
    | undefined;
  pool?:
    | {
        /** Schemas to keep ready for new tenants, for each type; `migrate` makes them at its end. Default: `0`. */
        size?: number | undefined;
      }
    | undefined;
  snapshot?:
    | {
        /** File of the snapshot that new tenants start from; without it, the journal has it. No default: the journal. */
        file?: string | undefined;
      }
    | undefined;
  /** When a migration file was edited after it was applied: `error`, `warn` or `off`. Default: `'warn'`. */
  checksums?: 'error' | 'warn' | 'off' | undefined;
  lint?:
    | {
        /** Levels of rules of `lint`: `error`, `warning` or `off` by the name of the rule. Default: `{}`. */
        rules?: LintLevels | undefined;
      }
    | undefined;
};

/** Returns the configuration as it is; with it, editors check and complete `tenants.config.ts`. */
export function defineConfig(config: TenantsConfig): TenantsConfig {
  return config;
}
