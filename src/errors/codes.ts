/** Exit codes of the command line; scripts rely on them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notUpToDate: 3,
  locked: 4,
  unreachable: 5,
  sigint: 130,
  sigterm: 143,
} as const;

/**
 * Every error code of the product with the exit code it ends in.
 *
 * `usage` (2) means that nothing was touched; `unreachable` (5) that the database cannot be reached, refuses us or is
 * unsafe to use; `locked` (4) that another run is at work.
 */
export const ERROR_CODES = {
  USAGE: EXIT.usage,
  CONFIG_NOT_FOUND: EXIT.usage,
  CONFIG_INVALID: EXIT.usage,
  CONFIG_CONFLICT: EXIT.usage,
  NO_DATABASE: EXIT.usage,
  EMBEDDED_UNAVAILABLE: EXIT.usage,
  EMBEDDED_REFUSED: EXIT.usage,
  EMBEDDED_FAILED: EXIT.unreachable,
  INVALID_NAME: EXIT.usage,
  INVALID_DOMAIN: EXIT.usage,
  UNKNOWN_TENANT: EXIT.usage,
  UNKNOWN_DOMAIN: EXIT.usage,
  UNKNOWN_TYPE: EXIT.usage,
  UNKNOWN_MIGRATION: EXIT.usage,
  UNKNOWN_RUN: EXIT.usage,
  JOURNAL_UNUSABLE: EXIT.usage,
  MIGRATION_CHANGED: EXIT.usage,
  TENANT_EXISTS: EXIT.usage,
  SCHEMA_EXISTS: EXIT.usage,
  DOMAIN_TAKEN: EXIT.usage,
  REGISTRY_MISSING: EXIT.usage,
  REGISTRY_MISMATCH: EXIT.usage,
  SHARED_PENDING: EXIT.usage,
  MIGRATIONS_UNREADABLE: EXIT.usage,
  MIGRATION_REFUSED: EXIT.usage,
  FILE_EXISTS: EXIT.usage,
  COMMAND_NOT_FOUND: EXIT.usage,
  PG_DUMP_UNAVAILABLE: EXIT.usage,
  EXECUTOR_UNAVAILABLE: EXIT.usage,
  LOCKED: EXIT.locked,
  DATABASE_UNREACHABLE: EXIT.unreachable,
  DATABASE_REFUSED: EXIT.unreachable,
  DATABASE_UNSUPPORTED: EXIT.unreachable,
  UNSAFE_POOLER: EXIT.unreachable,
  OUTCOME_UNKNOWN: EXIT.unreachable,
  MIGRATION_FAILED: EXIT.failed,
  REGISTRY_NOT_MADE: EXIT.failed,
  HOOK_FAILED: EXIT.failed,
  TENANT_MOVED: EXIT.failed,
  TENANT_BUSY: EXIT.failed,
  TENANT_AHEAD: EXIT.failed,
  TENANT_OUT_OF_ORDER: EXIT.failed,
  NEWER_MIGRATIONS: EXIT.failed,
  TENANT_UNREADABLE: EXIT.failed,
  WORKER_DIED: EXIT.failed,
  EXECUTOR_FAILED: EXIT.failed,
  PG_DUMP_FAILED: EXIT.failed,
  DATABASE_ERROR: EXIT.failed,
  COLUMNS_DIFFER: EXIT.failed,
  TENANTS_FAILED: EXIT.failed,
  INTERRUPTED: EXIT.sigint,
  UNEXPECTED: EXIT.failed,
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;
