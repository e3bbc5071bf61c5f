import type { PoolClient } from 'pg';

import { TenantsError } from '../errors/tenants-error.js';
import type { Scopes } from './scope.js';
import type { ScopedPool } from './types.js';

/** A pool in name: its only client is that of the `withTenant` around the caller, and giving that back does nothing. */
export function createScopedPool(scopes: Scopes): ScopedPool {
  const current = (): PoolClient => {
    const { session } = scopes;
    if (session !== undefined) return session.client;
    throw new TenantsError('USAGE', 'There is no withTenant around this query.', {
      suggestions: ['Run it inside withTenant(tenant, work), and await it there.'],
    });
  };
  const query = (...args: unknown[]): unknown => (current().query as (...args: unknown[]) => unknown)(...args);
  return {
    connect: async () => keepBorrowed(current()),
    query: query as PoolClient['query'],
    end: () => Promise.resolve(),
  };
}

function keepBorrowed(client: PoolClient): PoolClient {
  return new Proxy(client, {
    get: (target, key) => (key === 'release' ? () => undefined : (Reflect.get(target, key, target) as unknown)),
  });
}
