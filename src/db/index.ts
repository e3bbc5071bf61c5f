export { type BatchAnswer, BatchError, type BatchItem, forgetPrepared, sendBatch } from './batch.js';
export { requestCancel } from './cancel-request.js';
export { copyIn } from './copy-in.js';
export {
  APPLICATION_PREFIX,
  applicationName,
  closeClient,
  connectionFailure,
  openClient,
  withClient,
} from './connect.js';
export { freeConnections } from './free-connections.js';
export {
  isIdentifier,
  MAX_IDENTIFIER_BYTES,
  qualified,
  quoteIdentifier,
  quoteLiteral,
  searchPath,
} from './identifiers.js';
export {
  ADVISORY_KEY,
  describeHolder,
  FLEET_LOCK,
  IS_ADVISORY,
  lockHolders,
  type LockHolder,
  NODE_PG_MIGRATE_LOCK,
  tenantLock,
  tryLock,
  unlock,
} from './locks.js';
export { fetchPart, openPart, type ResultColumn, type ResultPart } from './portal.js';
export { assertNewSchemaName } from './schema-name.js';
export { assertOwn, assertTransactions, type SessionKind, sessionKind, unsafePooler } from './own-session.js';
export { announcedPid, assertWritable, inspectServer, OLDEST_VERSION, readServer, type ServerInfo } from './server.js';
export { codeOf, isConnectionError, isRetryable, RETRYABLE, SQLSTATE } from './sqlstates.js';
export { isInTheWay, type WaitingBackend, waitingBackends } from './waiting-backends.js';
