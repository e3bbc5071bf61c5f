import type { ClientConfig, Pool } from 'pg';

/** Where to listen, or `undefined` for not at all. */
export function listenConfig(pool: Pool, listen: boolean | string | ClientConfig = true): ClientConfig | undefined {
  if (listen === false) return undefined;
  if (typeof listen === 'string') return { connectionString: listen };
  if (typeof listen === 'object') return listen;
  const { options } = pool;
  // node-postgres hides the password from enumeration; a copy would lose it.
  return options.password === undefined ? { ...options } : { ...options, password: options.password };
}
