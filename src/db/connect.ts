import { Client, type ClientConfig } from 'pg';

import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import { SilenceWatch } from './backend/silence.js';
import { type DatabaseConfig, toClientConfig } from './database-config.js';
import { emptySearchPath } from './empty-search-path.js';
import { currentPassword } from './password.js';
import { destroySocket } from './pg-internals.js';
import { codeOf, isConnectionError, SQLSTATE } from './sqlstates.js';

/** Longest a connection attempt may take, in ms, unless the configuration says otherwise. */
const CONNECT_TIMEOUT_MS = 10_000;
/** The same, and for each answer, when the server is asked about another connection. */
const LOOK_TIMEOUT_MS = 5000;

/**
 * Opens a connection of its own and gives it to `use`; it is closed when `use` is done, whatever happened.
 *
 * @param purpose what stands in `application_name` after `tenants`, so that people find it in `pg_stat_activity`.
 * @throws TenantsError DATABASE_UNREACHABLE or DATABASE_REFUSED when there is no connection to be had.
 */
export async function withClient<T>(
  config: DatabaseConfig,
  purpose: string,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await openClient(config, purpose);
  try {
    return await use(client);
  } finally {
    await closeClient(client);
  }
}

/**
 * Opens a connection that the caller closes with `closeClient`. Its search path is empty, and row-level security raises errors
 * instead of hiding rows. Errors as in `withClient`.
 */
export async function openClient(config: DatabaseConfig, purpose: string): Promise<Client> {
  const client = await open(config, purpose, (made) => watchOf(config).add(made));
  watchedBy.set(client, watchOf(config));
  return client;
}

/**
 * Calls `listener` now and then while an answer on this connection takes long and the server is at work on it, with the server's
 * name of what it waits for: `SyncRep` is a synchronous standby.
 */
export function onLongWork(client: Client, listener: (waitEvent: string | null) => void): void {
  watchedBy.get(client)?.onWorking(client, listener);
}

const watches = new WeakMap<DatabaseConfig, SilenceWatch>();
const watchedBy = new WeakMap<Client, SilenceWatch>();

/** Whoever looks after the connections to a database. The server is asked about them from a connection that is not among them. */
function watchOf(config: DatabaseConfig): SilenceWatch {
  const impatient = { ...config, connectionTimeoutMillis: LOOK_TIMEOUT_MS, query_timeout: LOOK_TIMEOUT_MS };
  const watch =
    watches.get(config) ??
    new SilenceWatch({ open: () => open(impatient, 'look at connections', () => {}), close: closeClient });
  watches.set(config, watch);
  return watch;
}

async function open(config: DatabaseConfig, purpose: string, onMade: (client: Client) => void): Promise<Client> {
  const client = new Client({
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...toClientConfig(config),
    ...(typeof config.password === 'function' ? { password: async () => (await currentPassword(config)) ?? '' } : {}),
    application_name: applicationName(purpose),
  });
  // Without a listener a connection that breaks between two queries would end the process; the next query reports it.
  client.on('error', () => {});
  try {
    await client.connect();
    onMade(client);
    await emptySearchPath(client);
  } catch (error) {
    await closeClient(client);
    throw connectionFailure(error, config);
  }
  return client;
}

/** Closes a connection; one that is broken or hangs is cut off after a second. Never throws. */
export async function closeClient(client: Client): Promise<void> {
  const timer = setTimeout(() => destroySocket(client), 1000);
  try {
    await client.end();
  } catch {
    destroySocket(client);
  } finally {
    clearTimeout(timer);
  }
}

/** What the `application_name` of each of our connections begins with. */
export const APPLICATION_PREFIX = 'tenants: ';

/** `tenants: <purpose>`, cut to the 63 bytes that PostgreSQL keeps. A NUL would begin another parameter of the connection. */
export function applicationName(purpose: string): string {
  return Buffer.from(APPLICATION_PREFIX + purpose.replaceAll('\0', ''))
    .subarray(0, 63)
    .toString('utf8')
    .replaceAll('\uFFFD', '');
}

/** What the connection of a lane is for while it works on a schema. */
export function lanePurpose(direction: 'up' | 'down', schema: string): string {
  return `${direction === 'up' ? 'migrate' : 'rollback'} ${schema}`;
}

/** Says in the product's own words why there is no connection; errors of other kinds come back unchanged. */
export function connectionFailure(error: unknown, config: ClientConfig): unknown {
  if (isTenantsError(error)) return error;
  const code = codeOf(error);
  const where = `${config.host ?? 'localhost'}:${String(config.port ?? 5432)}`;
  const who = config.user === undefined ? '' : ` as ${config.user}`;
  if (!usesTls(config) && wantsTls(error)) {
    return new TenantsError(
      'DATABASE_REFUSED',
      `The server at ${where} accepts encrypted connections only: ${messageOf(error)}.`,
      { ...(code === undefined ? {} : { sqlstate: code }), suggestions: [`Connect with TLS: ${SET_TLS}`] },
    );
  }
  if (code === SQLSTATE.invalidPassword || code === SQLSTATE.invalidAuthorization) {
    return new TenantsError(
      'DATABASE_REFUSED',
      `The server at ${where} refused the login${who}: ${messageOf(error)}.`,
      {
        sqlstate: code,
        suggestions: [
          'Check the user and the password of the database setting, PGPASSWORD, or the password file.',
          // Without a rule for connections as ours is, the server answers in its own language.
          ...(code === SQLSTATE.invalidAuthorization && !usesTls(config)
            ? [`If the server takes TLS only: ${SET_TLS}`]
            : []),
        ],
      },
    );
  }
  if (code === SQLSTATE.invalidDatabase) {
    return new TenantsError('DATABASE_REFUSED', `The server at ${where} has no such database: ${messageOf(error)}.`, {
      sqlstate: code,
      suggestions: ['Create the database first, or correct its name in the database setting.'],
    });
  }
  if (code === SQLSTATE.tooManyConnections) {
    return new TenantsError(
      'DATABASE_REFUSED',
      `The server at ${where} has no free connections: ${messageOf(error)}.`,
      {
        sqlstate: code,
        suggestions: ['Lower --concurrency, or free connections on the server.'],
      },
    );
  }
  if (isPasswordMissing(error)) {
    return new TenantsError(
      'DATABASE_REFUSED',
      `The server at ${where} requires a password${who}, but none was given.`,
      {
        suggestions: ['Put it into the database setting, PGPASSWORD, or the password file (PGPASSFILE).'],
      },
    );
  }
  if (isConnectionError(error) || isTlsError(error) || isPasswordProblem(error)) {
    return new TenantsError(
      'DATABASE_UNREACHABLE',
      `Cannot connect to the database at ${where}: ${messageOf(error)}.`,
      {
        ...(code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? { sqlstate: code } : {}),
        suggestions: [
          hasNoTls(error)
            ? 'If the connection may be made without TLS, set sslmode=disable, or sslmode=prefer to use TLS where there is any.'
            : 'Is the server running, and are host, port and TLS settings right?',
        ],
      },
    );
  }
  if (code !== undefined && /^[0-9A-Z]{5}$/.test(code)) {
    return new TenantsError('DATABASE_REFUSED', `The server at ${where} refuses the connection: ${messageOf(error)}.`, {
      sqlstate: code,
    });
  }
  return error;
}

function messageOf(error: unknown): string {
  // Node reports a host with several addresses as an AggregateError without a message.
  if (error instanceof AggregateError) return error.errors.map((one) => messageOf(one)).join('; ');
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\.+$/, '');
}

const SET_TLS =
  'add sslmode=require to the database URL, or set PGSSLMODE=require; verify-full also checks the certificate.';

function usesTls({ ssl }: ClientConfig): boolean {
  return ssl !== undefined && ssl !== false;
}

/**
 * PostgreSQL's own words (`no pg_hba.conf entry for host …, no encryption`; `SSL off` before version 14), PgBouncer's (`SSL
 * required`), and those of hosted servers (`SSL connection is required`, `connection is insecure (try using sslmode=require)`).
 */
function wantsTls(error: unknown): boolean {
  return (
    error instanceof Error &&
    /no encryption|SSL off|SSL (?:connection )?(?:is )?required|connection is insecure/i.test(error.message)
  );
}

function isTlsError(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code);
}

/** node-postgres's own words for a server without TLS. */
function hasNoTls(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('The server does not support SSL');
}

/** node-postgres's own words for a server that asks for a password, when it was given none. */
function isPasswordMissing(error: unknown): boolean {
  return error instanceof Error && /client password must be a (?:non-empty )?string/.test(error.message);
}

function isPasswordProblem(error: unknown): boolean {
  return (
    error instanceof Error && (error.message.startsWith('SASL:') || error.message.includes('client password must be'))
  );
}
