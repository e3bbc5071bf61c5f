import type { ClientConfig } from 'pg';

/** libpq's TLS modes, without those that try twice: these are two candidates of a `DatabaseChoice`. */
export type SslMode = 'disable' | 'require' | 'verify-ca' | 'verify-full';

/**
 * A node-postgres configuration that says as data what node-postgres needs a function for: `sslmode: 'verify-ca'` accepts
 * every host name. It can be copied to a worker and translated for libpq. `toClientConfig` makes the function.
 *
 * Given to node-postgres as it is, it checks the host name: more than asked for, never less.
 */
export type DatabaseConfig = ClientConfig & { sslmode?: SslMode };

/** What libpq's `target_session_attrs` may ask of a server. */
export const SESSION_ATTRIBUTES = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;
export type SessionAttributes = (typeof SESSION_ATTRIBUTES)[number];

/**
 * A database setting that may leave open which server is used, and whether with TLS. `chooseServer` decides it once, when the
 * project is opened; everything after that has a plain `DatabaseConfig`.
 */
export type DatabaseChoice = DatabaseConfig & {
  choices?: {
    /** In the order in which they are tried; the first is the configuration itself. */
    candidates: readonly DatabaseConfig[];
    attributes: SessionAttributes;
  };
};

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
