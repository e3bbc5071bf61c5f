import { isTenantsError } from '../errors/tenants-error.js';
import { isAboutOtherNode } from './citus/other-node.js';

/** SQLSTATEs that this product acts on, each with the reason. See PostgreSQL's appendix "Error Codes". */
export const SQLSTATE = {
  /** A tenant or domain exists already; another session was faster. */
  uniqueViolation: '23505',
  notNullViolation: '23502',
  checkViolation: '23514',
  duplicateSchema: '42P06',
  duplicateTable: '42P07',
  duplicateColumn: '42701',
  duplicateFunction: '42723',
  /** Also for a type or a constraint. */
  duplicateObject: '42710',
  invalidTextRepresentation: '22P02',
  undefinedTable: '42P01',
  undefinedColumn: '42703',
  /** Also for an operator or an ordering that a type does not have. */
  undefinedFunction: '42883',
  undefinedSchema: '3F000',
  insufficientPrivilege: '42501',
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
  /** A new enum value may not be used in the transaction that added it. */
  unsafeNewEnumValue: '55P04',
  /** A prepared statement is gone. */
  invalidStatementName: '26000',
  /** Also what the server answers to a statement that a rule of its table rewrites in a way it does not support. */
  featureNotSupported: '0A000',
  diskFull: '53100',
  outOfMemory: '53200',
  tooManyConnections: '53300',
  /** A limit of the server's configuration, such as `temp_file_limit`. */
  limitExceeded: '53400',
  invalidPassword: '28P01',
  invalidAuthorization: '28000',
  invalidDatabase: '3D000',
  inFailedTransaction: '25P02',
  /** The statement writes, and its transaction is read-only. */
  readOnlyTransaction: '25006',
  /** The statement cannot run inside a transaction block. */
  activeTransaction: '25001',
  deadlockDetected: '40P01',
  /** PgBouncer answers it to startup parameters that it does not pass on. */
  protocolViolation: '08P01',
} as const;

/** Transient errors: the transaction was rolled back as a whole and may be retried. No other error is retried. */
export const RETRYABLE: ReadonlySet<string> = new Set([
  '40001', // serialization_failure
  SQLSTATE.deadlockDetected, // the server chose us as the victim
  SQLSTATE.lockNotAvailable, // lock_timeout ran out
  '57P01', // admin_shutdown: the server is being restarted
  '57P03', // cannot_connect_now: it is starting
  '57P05', // idle_session_timeout
  '08000', // connection_exception
  '08001', // sqlclient_unable_to_establish_sqlconnection
  '08003', // connection_does_not_exist
  '08004', // sqlserver_rejected_establishment_of_sqlconnection
  '08006', // connection_failure
]);

/** Node's codes for a socket that broke; what was sent may or may not have been carried out. */
const SOCKET_CODES: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
  'EACCES',
]);

/** Node-postgres's own words for a connection that is gone; these errors carry no code. */
const CONNECTION_MESSAGES = [
  'Connection terminated',
  'Client has encountered a connection error',
  'Client was closed',
  'timeout expired',
  'The server does not support SSL',
  'There was an error establishing an SSL connection',
];

/** The SQLSTATE or Node error code of anything thrown, if it has one. */
export function codeOf(error: unknown): string | undefined {
  // Not `instanceof`: in a test runner with realms of its own, Node's errors are of another one.
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/**
 * The connection is gone, or was never made: no answer to what was sent last can be relied on.
 *
 * To be asked only about errors that came out of a connection of ours. Code of users throws errors with the same codes, for a
 * file that does not exist for instance.
 */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error) || isTenantsError(error) || isAboutOtherNode(error)) return false;
  const code = codeOf(error);
  if (code !== undefined && (SOCKET_CODES.has(code) || code.startsWith('08') || code.startsWith('57P'))) return true;
  return CONNECTION_MESSAGES.some((message) => error.message.startsWith(message));
}

/** Trying again may help, and does no harm because nothing was committed. */
export function isRetryable(error: unknown): boolean {
  const code = codeOf(error);
  return (code !== undefined && (RETRYABLE.has(code) || code === 'DATABASE_UNREACHABLE')) || isConnectionError(error);
}
