import type { ClientConfig } from 'pg';

import type { Environment } from './types.js';

/**
 * What a connection URL says about TLS, by libpq's names. What the surrounding `DATABASE_URL` says is repeated when it leads
 * to the same database; otherwise the mode is told from node-postgres's setting. The paths of certificates are not known
 * any more then, and a program that misses them fails rather than connect without looking. Pure.
 */
export function sslParameters(database: ClientConfig, surrounding: Environment): Record<string, string> {
  for (const name of ['TENANTS_DATABASE', 'DATABASE_URL']) {
    const given = parametersOf(surrounding[name], database);
    if (given !== undefined) return given;
  }
  const { ssl } = database;
  if (ssl === undefined) return {};
  if (ssl === false) return { sslmode: 'disable' };
  if (ssl === true) return { sslmode: 'verify-full' };
  if (ssl.rejectUnauthorized === false) return { sslmode: 'require' };
  return { sslmode: ssl.checkServerIdentity === undefined ? 'verify-full' : 'verify-ca' };
}

/** The TLS parameters of a URL that leads to this database and has some. */
function parametersOf(text: string | undefined, { host, port = 5432, database }: ClientConfig) {
  if (text === undefined || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const same = url.hostname === host && Number(url.port || 5432) === port && url.pathname === `/${database ?? ''}`;
  const found = [...url.searchParams].filter(([name]) => name.startsWith('ssl'));
  return same && found.length > 0 ? Object.fromEntries(found) : undefined;
}
