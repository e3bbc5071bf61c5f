import type { Pool } from 'pg';

import { searchPath } from '../db/identifiers.js';
import { forEachTenant } from './each-tenant.js';
import { listenConfig } from './listen-config.js';
import { Listener } from './listener.js';
import { Readiness } from './readiness.js';
import { registryQueries } from './registry-queries.js';
import { registryShape } from './registry-shape.js';
import { Resolver } from './resolver.js';
import { rowLevel } from './row-level/row-level.js';
import { type Session, Scopes } from './scope.js';
import { createScopedPool } from './scoped-pool.js';
import { inSession } from './session-scope.js';
import { inSavepoint, inTransaction } from './transaction.js';
import type { Tenancy, TenancyOptions, Tenant, TenantOf, TenantCallback, WithTenantOptions } from './types.js';
import { unknownTenant } from './unknown-tenant.js';

const CACHE = { ttl: 60_000, negativeTtl: 10_000, max: 10_000 };

/**
 * Makes the resolver and the isolation of an application. Nothing is connected before the first question.
 *
 * @example
 * const tenancy = createTenancy<{ plan: string }>({ pool });
 * const tenant = await tenancy.resolve('acme.example.com');
 * if (tenant !== null) await tenancy.withTenant(tenant, (client) => client.query('SELECT * FROM projects'));
 *
 * @throws TenantsError INVALID_NAME for a schema, table or column that PostgreSQL cannot have.
 */
export function createTenancy<Columns extends object = object>(options: TenancyOptions): Tenancy<Columns> {
  type Own = TenantOf<Columns>;
  const pool = options.pool as Pool;
  const { shared = 'public', extraSearchPath = [], registry = {} } = options;
  searchPath([shared, ...extraSearchPath]);
  const limits = { ...CACHE, ...options.cache };
  const shape = registryShape(shared, registry);
  const queries = registryQueries(pool, shape);
  const rows = rowLevel(pool, shape, options);
  const resolver = new Resolver(queries, limits);
  const readiness = new Readiness(pool, options, limits);
  const scopes = new Scopes();
  const scopedPool = createScopedPool(scopes);
  const listener = createListener(pool, options, resolver);

  const find = (schemaName: string): Promise<Own | null> => {
    listener?.start();
    return resolver.bySchema(schemaName) as Promise<Own | null>;
  };

  const resolve = (hostname: string): Promise<Own | null> => {
    listener?.start();
    return resolver.byHost(hostname) as Promise<Own | null>;
  };

  const withTenant = async <R>(
    given: string | Tenant,
    work: TenantCallback<Own, R>,
    how: WithTenantOptions = {},
  ): Promise<R> => {
    const tenant = (typeof given === 'string' ? await find(given) : given) as Own | null;
    if (tenant === null) throw unknownTenant(String(given));
    const inScope = (session: Session): Promise<R> =>
      scopes.run({ tenant, outer: scopes.current, session }, async () => await work(session.client, tenant));
    const isRow = rows?.has(tenant) === true;
    if (isRow) await rows.assertProtected();
    const place = {
      pool,
      schemas: [isRow ? rows.schema : tenant.schemaName, shared, ...extraSearchPath],
      options: how,
      setting: rows?.settingOf(tenant),
    };
    if (how.transaction === false) return await inSession(place, inScope);
    const outer = scopes.transactionOf(tenant.schemaName);
    return outer === undefined ? await inTransaction(place, inScope) : await inSavepoint(outer, how, inScope);
  };

  return {
    resolve,
    find,
    publicTenant: () => find(shared),
    isPublic: ({ schemaName }) => schemaName === shared,
    withTenant,
    runAs: (tenant, fn) =>
      scopes.run(tenant === null ? undefined : { tenant, outer: undefined, session: undefined }, fn),
    currentTenant: () => scopes.current?.tenant as Own | undefined,
    logFields: () => {
      const tenant = scopes.current?.tenant;
      return tenant === undefined ? {} : { tenant: tenant.schemaName };
    },
    scopedPool: () => scopedPool,
    eachTenant: async (work, { concurrency = 1, signal, ...how } = {}) =>
      await forEachTenant((await queries.all()) as Own[], { concurrency, signal }, (tenant) =>
        withTenant(tenant, work, how),
      ),
    isReady: async (tenant) => {
      if (tenant.schemaName === shared) return true;
      if (rows?.has(tenant) !== true) return await readiness.isReady(tenant);
      // Its tables are made by the shared migrations, which are looked at where they are named for its type.
      return !hasType(options.migrations, tenant) || (await readiness.isReady({ ...tenant, schemaName: shared }));
    },
    get listening() {
      return listener?.listening ?? false;
    },
    close: async () => {
      resolver.forgetAll();
      readiness.forgetAll();
      await listener?.close();
    },
  };
}

function hasType(migrations: TenancyOptions['migrations'], { type }: Tenant): boolean {
  const types = typeof migrations === 'object' && 'types' in migrations ? migrations.types : {};
  return type !== null && Object.hasOwn(types, type);
}

function createListener(pool: Pool, { listen, logger }: TenancyOptions, resolver: Resolver): Listener | undefined {
  const config = listenConfig(pool, listen);
  if (config === undefined) return undefined;
  return new Listener(config, {
    changed: (change) => resolver.forget(change),
    listening: () => resolver.forgetAll(),
    warn: (message, error) => logger?.warn(error === undefined ? {} : { err: error }, message),
  });
}
