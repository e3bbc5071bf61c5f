export { type BatchAnswer, BatchError, type BatchItem, sendBatch } from './batch.js';
export { applicationName, closeClient, connectionFailure, openClient, withClient } from './connect.js';
export {
  isIdentifier,
  MAX_IDENTIFIER_BYTES,
  qualified,
  quoteIdentifier,
  quoteLiteral,
  searchPath,
} from './identifiers.js';
export {
  describeHolder,
  FLEET_LOCK,
  lockHolders,
  type LockHolder,
  NODE_PG_MIGRATE_LOCK,
  tenantLock,
  tryLock,
  unlock,
} from './locks.js';
export { assertNewSchemaName } from './schema-name.js';
export { assertOwnSession, assertWritable, inspectServer, type ServerInfo } from './server.js';
export { codeOf, isConnectionError, isRetryable, RETRYABLE, SQLSTATE } from './sqlstates.js';
