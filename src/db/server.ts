import type { Client } from 'pg';

import { TenantsError } from '../errors/tenants-error.js';
import { assertCoordinator, type Citus, CITUS_VERSION, noteCitus, toCitus } from './citus/cluster.js';
import { announcedPid } from './pg-internals.js';

/** Oldest server the product works with; older ones lack what the survey and the lanes rely on. */
export const OLDEST_VERSION = 130_000;

/** What the connected server can do. Variants of PostgreSQL differ here and nowhere else. */
export type ServerInfo = {
  /** `server_version_num`, such as 150012. */
  version: number;
  versionName: string;
  /** Why it takes no changes, if it takes none: it is a hot standby, or `default_transaction_read_only` is on. */
  readOnly: false | 'standby' | 'setting';
  maxConnections: number;
  /** The process number that was announced when the connection began is the backend's own: no pooler stands in between. */
  direct: boolean;
  /** Absent where the database does not have the extension. */
  citus?: Citus;
};

/** What a server answers about itself. */
export type ServerAnswer = {
  version: number;
  name: string;
  standby: boolean;
  readOnly: boolean;
  max: number;
  pid: number;
  /** Version of the extension. */
  citus?: string | null;
};

/**
 * Reads what the server is and refuses one that cannot be used.
 *
 * @throws TenantsError DATABASE_UNSUPPORTED for a server older than PostgreSQL 13, and for a worker of a Citus cluster.
 */
export async function inspectServer(client: Client): Promise<ServerInfo> {
  const server = judgeServer(await ask(client), announcedPid(client));
  if (server.citus !== undefined) await assertCoordinator(client);
  return server;
}

/** Reads what the server is, whatever it is. */
export async function readServer(client: Client): Promise<ServerInfo> {
  return toServerInfo(await ask(client), announcedPid(client));
}

/** As `inspectServer`, from what the server answered. Pure. */
export function judgeServer(answer: ServerAnswer | undefined, announced: number | null): ServerInfo {
  const server = toServerInfo(answer, announced);
  if (server.version >= OLDEST_VERSION) return server;
  throw new TenantsError(
    'DATABASE_UNSUPPORTED',
    `The server runs PostgreSQL ${server.versionName}; 13 or newer is needed.`,
  );
}

/** What is asked, as expressions to be selected; names are qualified, because nothing is known of the search path yet. */
export const SERVER_FACTS = `pg_catalog.current_setting('server_version_num')::int AS version,
  pg_catalog.current_setting('server_version') AS name, pg_catalog.pg_is_in_recovery() AS standby,
  pg_catalog.current_setting('default_transaction_read_only')::boolean AS "readOnly",
  pg_catalog.current_setting('max_connections')::int AS max, pg_catalog.pg_backend_pid() AS pid,
  pg_catalog.date_part('epoch', (SELECT backend_start FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid())))::pg_catalog.text AS "startedAt",
  pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time())::pg_catalog.text AS "serverStartedAt",
  ${CITUS_VERSION} AS citus`;

/** What new connections have answered already, with their first statement. */
const firstAnswers = new WeakMap<Client, ServerAnswer>();

/** Keeps an answer for whoever asks next. */
export function noteFirstAnswer(client: Client, answer: ServerAnswer): void {
  firstAnswers.set(client, answer);
  noteCitus(client, answer.citus);
}

async function ask(client: Client): Promise<ServerAnswer | undefined> {
  const known = firstAnswers.get(client);
  firstAnswers.delete(client);
  if (known !== undefined) return known;
  const { rows } = await client.query<ServerAnswer>(`SELECT ${SERVER_FACTS}`);
  return rows[0];
}

function toServerInfo(answer: ServerAnswer | undefined, announced: number | null): ServerInfo {
  const citus = toCitus(answer?.citus);
  const setting = answer?.readOnly === true ? 'setting' : false;
  return {
    version: answer?.version ?? 0,
    versionName: answer?.name ?? 'of an unknown version',
    readOnly: answer?.standby === true ? 'standby' : setting,
    maxConnections: answer?.max ?? 0,
    direct: answer !== undefined && answer.pid === announced,
    ...(citus === undefined ? {} : { citus }),
  };
}

/** @throws TenantsError DATABASE_REFUSED when the server takes no changes. */
export function assertWritable({ readOnly }: Pick<ServerInfo, 'readOnly'>): void {
  if (readOnly === 'standby') {
    throw new TenantsError('DATABASE_REFUSED', 'The server accepts no changes: it is a standby.', {
      suggestions: ['Connect to the primary server.'],
    });
  }
  if (readOnly === 'setting') {
    throw new TenantsError('DATABASE_REFUSED', 'The server accepts no changes: its transactions are read-only.', {
      suggestions: [
        'default_transaction_read_only is on, for this user, this database or the whole server: connect as another user, or turn it off. Hosted servers turn it on when their disk is full.',
      ],
    });
  }
}
