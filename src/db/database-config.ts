import type { ClientConfig } from 'pg';

/** libpq's TLS modes, without those that try twice: node-postgres cannot do that. */
export type SslMode = 'disable' | 'require' | 'verify-ca' | 'verify-full';

/**
 * A node-postgres configuration that says as data what node-postgres needs a function for: `sslmode: 'verify-ca'` accepts
 * every host name. It can be copied to a worker and translated for libpq. `toClientConfig` makes the function.
 *
 * Given to node-postgres as it is, it checks the host name: more than asked for, never less.
 */
export type DatabaseConfig = ClientConfig & { sslmode?: SslMode };

/** The configuration as node-postgres reads it. Pure. */
export function toClientConfig({ sslmode, ...config }: DatabaseConfig): ClientConfig {
  const { ssl } = config;
  if (sslmode !== 'verify-ca' || typeof ssl !== 'object') return config;
  return { ...config, ssl: { ...ssl, checkServerIdentity: () => undefined } };
}

/**
 * The TLS mode of a configuration; told from `ssl` where a user wrote that. A `checkServerIdentity` of the user's own is
 * taken for `verify-ca`, because libpq cannot call it. Pure.
 */
export function sslModeOf({ sslmode, ssl }: DatabaseConfig): SslMode {
  if (ssl === undefined || ssl === false) return 'disable';
  if (sslmode !== undefined) return sslmode;
  if (ssl === true) return 'verify-full';
  if (ssl.rejectUnauthorized === false) return 'require';
  return ssl.checkServerIdentity === undefined ? 'verify-full' : 'verify-ca';
}
