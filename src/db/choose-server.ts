import { setTimeout as sleep } from 'node:timers/promises';

import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import { withClient } from './connect.js';
import type { DatabaseChoice, DatabaseConfig, SessionAttributes } from './database-config.js';
import { readServer, type ServerInfo } from './server.js';
import { SQLSTATE } from './sqlstates.js';

export type ChooseOptions = {
  /** How long to wait for a server that does not answer yet, in ms. Default: 0. */
  waitMs?: number | undefined;
  /** Ends the waiting. */
  signal?: AbortSignal | undefined;
  /** Called once, when the waiting begins. */
  onWait?: ((error: TenantsError) => void) | undefined;
};

/** ms between two attempts while a server is waited for. */
const POLL_MS = 250;

/**
 * Decides which server a setting means, as libpq would: the first of its hosts that answers and is what
 * `target_session_attrs` asks for; `sslmode=prefer` and `allow` try both ways on each. One that leaves nothing open, and is
 * not to be waited for, is returned without a connection.
 *
 * As in libpq, a host that refuses the login ends the search: the next one would be asked with the same password.
 *
 * @throws TenantsError DATABASE_UNREACHABLE or DATABASE_REFUSED; INTERRUPTED after `signal`.
 */
export async function chooseServer(database: DatabaseChoice, options: ChooseOptions = {}): Promise<DatabaseConfig> {
  const { waitMs = 0, signal, onWait } = options;
  const { choices, ...only } = database;
  if (choices === undefined && waitMs === 0) return only;
  const { candidates, attributes } = choices ?? { candidates: [only], attributes: 'any' };
  const deadline = Date.now() + waitMs;
  for (let tries = 0; ; tries += 1) {
    try {
      return await firstThatFits(candidates, attributes);
    } catch (error) {
      if (!mayComeUp(error) || Date.now() >= deadline) throw error;
      if (tries === 0) onWait?.(error);
      await sleep(Math.min(POLL_MS, deadline - Date.now()), undefined, { signal }).catch(() => {});
      if (signal?.aborted === true) throw interrupted();
    }
  }
}

/** Why a candidate is not used; `misfit`: it is up, and not what was asked for. */
type Failed = { database: DatabaseConfig; error: TenantsError; misfit: boolean };

async function firstThatFits(
  candidates: readonly DatabaseConfig[],
  attributes: SessionAttributes,
): Promise<DatabaseConfig> {
  const wishes = attributes === 'prefer-standby' ? (['standby', 'any'] as const) : ([attributes] as const);
  let failed: Failed[] = [];
  for (const wish of wishes) {
    failed = [];
    for (const [index, database] of candidates.entries()) {
      const failure = await attempt(database, wish);
      if (failure === undefined) return database;
      failed.push(failure);
      if (endsTheSearch(failure, candidates[index + 1])) throw loginFailure(failed, database);
    }
  }
  throw summary(failed);
}

async function attempt(database: DatabaseConfig, wish: SessionAttributes): Promise<Failed | undefined> {
  try {
    const { readOnly } = await withClient(database, 'choose server', (client) => readServer(client));
    if (FITS[wish](readOnly)) return undefined;
    const kind = readOnly === 'standby' ? 'a standby' : readOnly === 'setting' ? 'read-only' : 'a primary';
    const message = `The server at ${addressOf(database)} is ${kind}; target_session_attrs asks for ${wish}.`;
    return { database, error: new TenantsError('DATABASE_REFUSED', message), misfit: true };
  } catch (error) {
    if (!isTenantsError(error)) throw error;
    return { database, error, misfit: false };
  }
}

const FITS: Record<SessionAttributes, (readOnly: ServerInfo['readOnly']) => boolean> = {
  any: () => true,
  'read-write': (readOnly) => readOnly === false,
  'read-only': (readOnly) => readOnly !== false,
  primary: (readOnly) => readOnly !== 'standby',
  standby: (readOnly) => readOnly === 'standby',
  'prefer-standby': () => true,
};

/** A login that was refused may be accepted with TLS, or without it, by the same server (`pg_hba.conf`). */
function endsTheSearch({ error, database, misfit }: Failed, next: DatabaseConfig | undefined): boolean {
  if (misfit || error.code === 'DATABASE_UNREACHABLE') return false;
  return !(isSameServer(database, next) && error.details.sqlstate === SQLSTATE.invalidAuthorization);
}

/** Of two ways to one server, the first that got as far as a login says more than one that failed before. */
function loginFailure(failed: readonly Failed[], server: DatabaseConfig): TenantsError | undefined {
  return failed.find(({ database, error }) => isSameServer(database, server) && error.code === 'DATABASE_REFUSED')
    ?.error;
}

function summary(failed: readonly Failed[]): TenantsError | undefined {
  const [first] = failed;
  const isOneServer = failed.every(({ database }) => isSameServer(database, first?.database));
  if (isOneServer) return first?.error;
  return new TenantsError(
    failed.every(({ misfit }) => misfit) ? 'DATABASE_REFUSED' : 'DATABASE_UNREACHABLE',
    'None of the servers of the database setting can be used.',
    {
      problems: [...new Set(failed.map(({ error }) => error.message))],
      suggestions: ['Are the servers running, and are hosts, ports and target_session_attrs right?'],
    },
  );
}

function isSameServer(one: DatabaseConfig, other: DatabaseConfig | undefined): boolean {
  return one.host === other?.host && one.port === other?.port;
}

/** Not a refused login: a server that is up and knows us does not change its mind. A new one may still create the database. */
function mayComeUp(error: unknown): error is TenantsError {
  if (!isTenantsError(error)) return false;
  return error.code === 'DATABASE_UNREACHABLE' || error.details.sqlstate === SQLSTATE.invalidDatabase;
}

function addressOf({ host = 'localhost', port = 5432 }: DatabaseConfig): string {
  return `${host}:${String(port)}`;
}

function interrupted(): TenantsError {
  return new TenantsError('INTERRUPTED', 'Interrupted while waiting for the database; nothing was changed.');
}
