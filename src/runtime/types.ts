import type { ClientConfig, PoolClient } from 'pg';

import type { RegistryNames } from './registry-shape.js';

/**
 * A row of the tenant table. Columns beyond these are there too, camel-cased; `createTenancy<Columns>()` gives them types.
 * The object is frozen, because many requests share it.
 */
export interface Tenant {
  /** As node-postgres returns the column's type: a `bigint` is a string. */
  readonly id: string | number;
  /** The tenant's key and the schema that holds its tables. */
  readonly schemaName: string;
  readonly name: string | null;
  readonly type: string | null;
  readonly status: string;
  readonly createdAt: Date | null;
}

/**
 * A `pg.Pool`: of any copy and version of node-postgres that the application has, native or a subclass. (Naming our own
 * version's class would refuse the others.)
 */
export type AnyPool = {
  readonly options: object;
  connect(...args: never[]): unknown;
  query(...args: never[]): unknown;
};

/** A tenant together with the application's own columns. */
export type TenantOf<Columns extends object> = Tenant & Readonly<Columns>;

export type TenancyOptions = {
  /** The application's own pool. It is borrowed from, never ended, and nothing is installed in it. */
  pool: AnyPool;
  /** The shared schema, which holds the registry and is second in every search path; default `public`. */
  shared?: string;
  /** Schemas after the shared one in every search path. */
  extraSearchPath?: readonly string[];
  /** Tables and columns of the registry, as in the configuration. */
  registry?: RegistryNames;
  /**
   * The types of tenants, as `tenants.types` of the configuration. Those that are `'rows'` share tables; the others have schemas, and
   * what is said of them is not looked at.
   */
  types?: Readonly<Record<string, unknown>>;
  /** How tenants share tables, as `rows` in the configuration. */
  rows?: RowLevelOptions;
  cache?: CacheOptions;
  /**
   * How changes of the registry are heard: on a connection of its own with the pool's settings (default), on one with these
   * settings or this URL (where the pool leads to a pooler, name the server itself), or not at all (`false`).
   */
  listen?: boolean | string | ClientConfig | undefined;
  /** What a tenant must have applied to be ready. Needed by `isReady` and `requireReady` only. */
  migrations?: Migrations;
  /** Files of the migrations directories that are not migrations, as in the configuration. Default: dot files. */
  ignorePattern?: string | undefined;
  /** node-pg-migrate's bookkeeping table; default `pgmigrations`. */
  migrationsTable?: string;
  /** Hears of what goes wrong without failing a call, such as a broken LISTEN connection. pino's and console's shape. */
  logger?: { warn(fields: object, message: string): void };
};

export type RowLevelOptions = {
  /** Column of the shared tables that says whose a row is; default `tenant_id`. */
  column?: string;
  /** Column of the tenant table that it refers to; default its id. */
  key?: string;
  /** Setting that says which tenant a transaction is about; default `app.tenant_id`. */
  setting?: string;
  /** Schema of the tables that tenants share; default the shared schema. */
  schema?: string;
};

export type CacheOptions = {
  /** How long an answer may be used, in ms, counted from before it was asked for; default 60,000. 0 caches nothing. */
  ttl?: number;
  /** The same for "there is no such tenant"; default 10,000. */
  negativeTtl?: number;
  /** How many answers are kept; default 10,000. As many again for unknown names, which so cannot push out known ones. */
  max?: number;
};

/** A directory, or the names themselves; with several types of tenants, one of these for each. */
export type Migrations = MigrationNames | { default?: MigrationNames; types: Readonly<Record<string, MigrationNames>> };

/** `format` is that of the configuration, for migrations that are not node-pg-migrate's; a module's path may be relative. */
export type MigrationNames = string | readonly string[] | { directory: string; format: string };

export type WithTenantOptions = {
  /**
   * `false`: no transaction; the search path is set for the session, and cleaned up afterwards. For long work and for
   * statements that refuse transactions. Not behind a pooler. Default `true`.
   */
  transaction?: boolean;
  isolation?: 'read committed' | 'repeatable read' | 'serializable';
  readOnly?: boolean;
};

export type EachTenantOptions = WithTenantOptions & {
  /** How many tenants at once; each has a connection of the pool. Default 1. */
  concurrency?: number;
  /** Aborted: no further tenants are begun, and the call fails with the signal's reason. */
  signal?: AbortSignal;
};

/** What is done with a tenant's connection. The client is good until the returned promise settles, and not longer. */
export type TenantCallback<T extends Tenant, R> = (client: PoolClient, tenant: T) => Promise<R> | R;

/** Resolves hostnames to tenants and runs work in a tenant's schema. Made by `createTenancy`. */
export type Tenancy<Columns extends object = object> = {
  /**
   * The tenant that a hostname leads to, or `null`. Upper case, a port, a trailing dot and other scripts are understood;
   * `www.` is left out where that name itself is not registered. Tenants that are being created or deleted are unknown.
   */
  resolve(hostname: string): Promise<TenantOf<Columns> | null>;
  /** The tenant of that schema name, or `null`; cached and checked like `resolve`. */
  find(schemaName: string): Promise<TenantOf<Columns> | null>;
  /** The tenant whose schema is the shared one, or `null` where the registry has none. */
  publicTenant(): Promise<TenantOf<Columns> | null>;
  /** Whether this is the tenant of the main website. */
  isPublic(tenant: Pick<Tenant, 'schemaName'>): boolean;

  /**
   * Borrows a client, opens a transaction in the tenant's schema, commits when the work is done and rolls back when it
   * throws.
   *
   * Within work for the same tenant it joins that transaction, as a savepoint; within another tenant's it has a client and a
   * transaction of its own.
   *
   * @throws TenantsError UNKNOWN_TENANT for a name that is not registered or a schema that is not there; what the work or
   *   the server throws, unchanged.
   */
  withTenant<R>(
    tenant: string | Tenant,
    work: TenantCallback<TenantOf<Columns>, R>,
    options?: WithTenantOptions,
  ): Promise<R>;
  /** Makes `currentTenant()` answer inside `fn`, without a connection. `null`: nobody. What the http adapters use. */
  runAs<R>(tenant: Tenant | null, fn: () => R): R;
  /** The tenant that this code runs for, through awaits, timers and callbacks, or `undefined`. */
  currentTenant(): TenantOf<Columns> | undefined;
  /** `{ tenant: 'acme' }`, or `{}` outside: a field for every line of a log. */
  logFields(): { tenant?: string };
  /** Something like a pool for query builders, whose clients are those of the `withTenant` around the caller. */
  scopedPool(): ScopedPool;

  /**
   * Does something for every tenant that is neither public nor being created or deleted, in the order of schema names.
   *
   * @returns what the work returned, in that order
   * @throws TenantsError TENANTS_FAILED when it failed for some; the others were done all the same.
   */
  eachTenant<R>(
    work: TenantCallback<TenantOf<Columns>, R>,
    options?: EachTenantOptions,
  ): Promise<{ tenant: TenantOf<Columns>; value: R }[]>;

  /**
   * Whether all migrations that this process knows are applied to the tenant; it may have others beyond. The public tenant
   * has none and is always ready.
   *
   * @throws TenantsError CONFIG_INVALID without `migrations`.
   */
  isReady(tenant: Tenant): Promise<boolean>;

  /** Whether changes of the registry are being heard at this moment; otherwise the time to live alone ends an answer. */
  readonly listening: boolean;
  /** Ends the LISTEN connection and empties the cache. Everything else goes on working; the pool is the application's. */
  close(): Promise<void>;
};

/** The part of a `pg.Pool` that query builders use. */
export type ScopedPool = {
  connect(): Promise<PoolClient>;
  query: PoolClient['query'];
  /** Does nothing. */
  end(): Promise<void>;
};
