import type { ClientConfig } from 'pg';
import { parse } from 'pg-connection-string';

import { type HostAddress, pairHosts, parseHost, portNumber } from './hosts.js';
import { TLS_SETTINGS, type TlsSettings } from './tls.js';

/** What a URL says: settings for node-postgres, and those that are completed from the environment first. */
export type ParsedUrl = {
  client: ClientConfig;
  tls: TlsSettings;
  passwordFile: string | undefined;
  /** Where there are several, in their order; the host in `client` is not one of them then. */
  hosts?: HostAddress[] | undefined;
  targetSessionAttributes?: string | undefined;
};

const ACCEPTED = 'postgres://user:password@host:5432/database';

/**
 * Reads a `postgres://` or `postgresql://` URL, sockets (`?host=/var/run/postgresql`, `%2Fvar%2Frun%2Fpostgresql`) and
 * several hosts (`host1:5432,host2`) included. Parameters that are not libpq's or node-postgres' are passed over: URLs are shared with tools that add
 * their own, such as `?schema=` and `?pgbouncer=`.
 *
 * Throws an `Error` in words for the reader. It never quotes the value, and keeps no cause that would.
 */
export function parseConnectionUrl(value: string): ParsedUrl {
  if (!/^postgres(?:ql)?:\/\//i.test(value)) {
    throw new Error(`expected a PostgreSQL URL (${ACCEPTED}), a node-postgres configuration object, or 'embedded'`);
  }
  const [base = '', ...rest] = value.split('?');
  const query = new URLSearchParams(rest.join('?'));
  const tls: TlsSettings = {};
  for (const name of TLS_SETTINGS) {
    const setting = query.get(name);
    if (setting !== null && setting !== '') tls[name] = setting;
    query.delete(name);
  }
  const database = query.get('dbname');
  const { url, hosts } = takeHosts(base, query);
  const parsed = parseStrictly(`${url}?${query}`);
  return {
    client: {
      ...present('user', parsed['user']),
      ...present('password', parsed['password']),
      ...present('host', parsed['host']),
      ...present('database', database ?? parsed['database']),
      ...present('application_name', parsed['application_name']),
      ...present('fallback_application_name', parsed['fallback_application_name']),
      ...present('options', parsed['options']),
      ...present('client_encoding', parsed['client_encoding']),
      ...number('port', parsed['port'], portNumber),
      ...number('connectionTimeoutMillis', parsed['connect_timeout'], timeoutMs),
      ...number('keepAliveInitialDelayMillis', parsed['keepalives_idle'], timeoutMs),
      ...(parsed['keepalives'] === undefined ? {} : { keepAlive: parsed['keepalives'] !== '0' }),
      ...(tls.sslnegotiation === undefined ? {} : { sslnegotiation: negotiation(tls.sslnegotiation) }),
    },
    tls,
    passwordFile: query.get('passfile') ?? undefined,
    hosts,
    targetSessionAttributes: query.get('target_session_attrs') ?? undefined,
  };
}

/** All hosts where there are several, and the URL with one in their place: the library reads no lists. */
function takeHosts(base: string, query: URLSearchParams): { url: string; hosts: HostAddress[] | undefined } {
  const [, scheme = '', authority = '', path = ''] = /^(\w+:\/\/)([^/]*)(.*)$/s.exec(base) ?? [];
  const at = authority.lastIndexOf('@');
  assertEncoded(base, path, at === -1 ? [...query.keys()] : []);
  const inQuery = query.get('host')?.includes(',') ? query.get('host') : undefined;
  if (inQuery) {
    const hosts = pairHosts(inQuery, query.get('port') ?? undefined);
    query.delete('host');
    query.delete('port');
    return { url: base, hosts };
  }
  const parts = authority.slice(at + 1).split(',');
  if (parts.length === 1) return { url: base, hosts: undefined };
  const login = authority.slice(0, at + 1);
  return { url: `${scheme}${login}localhost${path}`, hosts: parts.map(parseHost) };
}

/** Characters of a password that is not encoded would end the host before it begins, and part of it would pass for the host. */
function assertEncoded(base: string, path: string, names: readonly string[]): void {
  if (base.includes('#') || path.includes('@') || names.some((name) => name.includes('@'))) throw malformed();
}

/** Seconds as libpq has them to ms; zero and less wait forever, and 1 counts as 2, as there. */
export function timeoutMs(value: string): number {
  if (!/^-?\d+$/.test(value)) throw new Error('connect_timeout and keepalives_idle must be whole numbers of seconds');
  const seconds = Number(value);
  return seconds <= 0 ? 0 : Math.max(2, seconds) * 1000;
}

/**
 * Given a stray `%` or a space, the library encodes the whole text anew, and an escape such as `%2F` beside it is taken
 * literally: the password would silently be another. libpq refuses a stray `%`; spaces are encoded here.
 */
function parseStrictly(url: string): Record<string, unknown> {
  try {
    if (/%(?![0-9a-f]{2})/i.test(url)) throw new URIError('stray percent sign');
    return parse(url.replaceAll(' ', '%20'), { useLibpqCompat: true });
  } catch {
    throw malformed();
  }
}

function malformed(): Error {
  return new Error(
    `it is not a valid URL; the form is ${ACCEPTED}, with special characters in the user name and the password ` +
      'percent-encoded (@ as %40, / as %2F, # as %23, ? as %3F, % as %25)',
  );
}

function present<Key extends string>(key: Key, value: unknown): Partial<Record<Key, string>> {
  return typeof value === 'string' && value !== '' ? ({ [key]: value } as Record<Key, string>) : {};
}

function number<Key extends string>(
  key: Key,
  value: unknown,
  read: (value: string) => number,
): Partial<Record<Key, number>> {
  return typeof value === 'string' && value !== '' ? ({ [key]: read(value) } as Record<Key, number>) : {};
}

function negotiation(value: string): 'postgres' | 'direct' {
  if (value === 'postgres' || value === 'direct') return value;
  throw new Error('sslnegotiation must be postgres or direct');
}
