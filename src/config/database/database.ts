import { userInfo } from 'node:os';

import type { ClientConfig } from 'pg';

import {
  type DatabaseChoice,
  type DatabaseConfig,
  SESSION_ATTRIBUTES,
  type SessionAttributes,
} from '../../db/database-config.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { orList } from '../../util/format-count.js';
import type { Environment } from '../settings.js';
import { parseConnectionUrl, timeoutMs, type ParsedUrl } from './connection-url.js';
import { type HostAddress, pairHosts } from './hosts.js';
import { passwordFromFile } from './password-file.js';
import { readTls, type Tls, type TlsSettings } from './tls.js';

export type DatabaseOptions = {
  /** What complaints are about: `database`, `--database`, `DATABASE_URL`. */
  source?: string;
  /** Is told about a password file that had to be ignored. */
  warn?: (message: string) => void;
};

/**
 * A URL or a node-postgres configuration, completed from the environment: `PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`,
 * `PGDATABASE`, `PGSSLMODE` (and `PGSSLROOTCERT`, `PGSSLCERT`, `PGSSLKEY`), `PGAPPNAME`, `PGOPTIONS`,
 * `PGCONNECT_TIMEOUT`, the password file. The result says everything, so that a worker needs no environment.
 *
 * Where nothing says so, the host is `localhost` (as in node-postgres; libpq would take a socket), the port 5432, the user
 * the operating system's and the database the user's name. Several hosts, and the modes of TLS that try twice, are in
 * `choices`. Throws `CONFIG_INVALID`, without the value.
 */
export function parseDatabase(
  value: string | ClientConfig,
  env: Environment,
  { source = 'database', warn = () => {} }: DatabaseOptions = {},
): DatabaseChoice {
  try {
    return complete(typeof value === 'string' ? parseConnectionUrl(value.trim()) : parseObject(value), env, warn);
  } catch (error) {
    const problem = `${source}: ${error instanceof Error ? error.message : String(error)}`;
    throw new TenantsError('CONFIG_INVALID', 'The database setting cannot be used.', { problems: [problem] });
  }
}

/** The database of a project, or `NO_DATABASE` with both ways out. `'embedded'` is passed on as it is. */
export function requireDatabase({
  database,
  databaseVariable = '',
}: {
  database: DatabaseChoice | 'embedded' | undefined;
  databaseVariable?: string | undefined;
}): DatabaseChoice | 'embedded' {
  if (database !== undefined) return database;
  throw new TenantsError('NO_DATABASE', `No database is configured. ${databaseVariable}`.trim(), {
    suggestions: [
      'Set DATABASE_URL, or pass --database postgres://user@host:5432/database.',
      'To try things out without a server: --database embedded.',
    ],
  });
}

/** `localhost:5432/app as alice`, for messages; never a password. */
export function describeDatabase(database: ClientConfig | 'embedded'): string {
  if (database === 'embedded') return 'the embedded database';
  const { host = 'localhost', port = 5432, user, database: name = user } = database;
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}/${name ?? ''}`;
  return user === undefined ? where : `${where} as ${user}`;
}

/** As in node-postgres, what its `connectionString` says comes before the other keys. */
function parseObject(config: ClientConfig): ParsedUrl {
  const { connectionString, ...rest } = config;
  if (connectionString === undefined || connectionString === '') {
    return { client: rest, tls: {}, passwordFile: undefined };
  }
  const parsed = parseConnectionUrl(connectionString.trim());
  return { ...parsed, client: { ...rest, ...parsed.client } };
}

function complete(parsed: ParsedUrl, env: Environment, warn: (message: string) => void): DatabaseChoice {
  const { client, tls, passwordFile } = parsed;
  const modes = tlsSettings(client, tls, env);
  const candidates = hostsOf(parsed, env).flatMap((address) => {
    const host = address.host || 'localhost';
    const port = address.port ?? 5432;
    const user = client.user || env['PGUSER'] || systemUser(env);
    const database = client.database || env['PGDATABASE'] || user;
    const key = { host, port, database, user };
    const password = client.password || env['PGPASSWORD'] || passwordFromFile(key, env, warn, passwordFile);
    const settings = {
      ...client,
      ...key,
      password,
      application_name: client.application_name || env['PGAPPNAME'] || undefined,
      options: client.options || env['PGOPTIONS'] || undefined,
      connectionTimeoutMillis: client.connectionTimeoutMillis ?? fromVariable(env, 'PGCONNECT_TIMEOUT', timeoutMs),
    };
    // A socket does not leave the machine.
    return (host.startsWith('/') ? [{ ssl: false }] : modes).map((mode) => withoutUndefined({ ...settings, ...mode }));
  });
  const attributes = sessionAttributes(parsed.targetSessionAttributes || env['PGTARGETSESSIONATTRS']);
  const [first = {}] = candidates;
  return candidates.length === 1 && attributes === 'any' ? first : { ...first, choices: { candidates, attributes } };
}

/** The servers of the setting, or of `PGHOST` and `PGPORT`, which may be lists as in libpq. */
function hostsOf({ client, hosts }: ParsedUrl, env: Environment): HostAddress[] {
  const port = (): number | undefined => fromVariable(env, 'PGPORT', (ports) => pairHosts('', ports)[0]?.port);
  if (hosts !== undefined) return hosts.map((one) => ({ host: one.host, port: one.port ?? client.port ?? port() }));
  if (client.host?.includes(',')) return pairHosts(client.host, client.port?.toString());
  if (client.host) return [{ host: client.host, port: client.port ?? port() }];
  const inherited = env['PGHOST'] ?? '';
  if (!inherited.includes(',')) return [{ host: inherited, port: client.port ?? port() }];
  return fromVariable(env, 'PGHOST', (names) => pairHosts(names, client.port?.toString() ?? env['PGPORT'])) ?? [];
}

function sessionAttributes(value: string | undefined): SessionAttributes {
  const found = SESSION_ATTRIBUTES.find((one) => one === (value || 'any'));
  if (found !== undefined) return found;
  throw new Error(`target_session_attrs must be ${orList(SESSION_ATTRIBUTES)}`);
}

/** What the URL says first, setting by setting, then an object's `ssl`, then the environment. */
function tlsSettings(client: ClientConfig, tls: TlsSettings, env: Environment): Tls[] {
  if (client.ssl !== undefined && Object.keys(tls).length === 0) return [{ ssl: client.ssl }];
  return readTls({
    ...(tls.ssl === undefined ? variables(env, { sslmode: 'PGSSLMODE' }) : {}),
    ...variables(env, { sslrootcert: 'PGSSLROOTCERT', sslcert: 'PGSSLCERT', sslkey: 'PGSSLKEY' }),
    ...tls,
  });
}

function variables(env: Environment, names: TlsSettings): TlsSettings {
  return Object.fromEntries(
    Object.entries(names).flatMap(([setting, name]) => (env[name] ? [[setting, env[name]]] : [])),
  );
}

function fromVariable<T>(env: Environment, name: string, read: (value: string) => T): T | undefined {
  const value = env[name];
  if (value === undefined || value === '') return undefined;
  try {
    return read(value);
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** libpq asks the operating system; a container may run under a number that has no name there. */
function systemUser(env: Environment): string {
  const name = env['USER'] || env['USERNAME'];
  if (name) return name;
  try {
    return userInfo().username;
  } catch {
    return 'postgres';
  }
}

function withoutUndefined(config: DatabaseConfig): DatabaseConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}
