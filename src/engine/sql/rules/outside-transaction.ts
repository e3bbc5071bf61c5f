import type { AlterTableStmt, Node } from 'libpg-query';

import { booleanOption } from '../parse/options.js';

/**
 * What makes a statement impossible inside a transaction block, in the server's words; `undefined` when it can run there.
 *
 * Each was tried on PostgreSQL 18 (SQLSTATE 25001). What depends on the object is left to the server: `REINDEX` and
 * `CLUSTER` of a partitioned table, `DROP SUBSCRIPTION` with a slot.
 */
export function needsNoTransaction(node: Node): string | undefined {
  if ('IndexStmt' in node) return node.IndexStmt.concurrent ? 'CREATE INDEX CONCURRENTLY' : undefined;
  if ('DropStmt' in node) return node.DropStmt.concurrent ? 'DROP INDEX CONCURRENTLY' : undefined;
  if ('ReindexStmt' in node) {
    if (booleanOption(node.ReindexStmt.params, 'concurrently')) return 'REINDEX CONCURRENTLY';
    return REINDEX_MANY[node.ReindexStmt.kind ?? ''];
  }
  if ('VacuumStmt' in node) return node.VacuumStmt.is_vacuumcmd ? 'VACUUM' : undefined;
  if ('ClusterStmt' in node) return node.ClusterStmt.relation === undefined ? 'CLUSTER' : undefined;
  if ('AlterTableStmt' in node) {
    return detachesConcurrently(node.AlterTableStmt) ? 'DETACH PARTITION CONCURRENTLY' : undefined;
  }
  if ('AlterDatabaseStmt' in node) {
    const moves = booleanOption(node.AlterDatabaseStmt.options, 'tablespace') !== undefined;
    return moves ? 'ALTER DATABASE SET TABLESPACE' : undefined;
  }
  if ('CreateSubscriptionStmt' in node) {
    const { options } = node.CreateSubscriptionStmt;
    const slot = booleanOption(options, 'create_slot') ?? booleanOption(options, 'connect') ?? true;
    return slot ? 'CREATE SUBSCRIPTION with a replication slot' : undefined;
  }
  if ('AlterSubscriptionStmt' in node) {
    return node.AlterSubscriptionStmt.kind === 'ALTER_SUBSCRIPTION_REFRESH' ? 'ALTER SUBSCRIPTION REFRESH' : undefined;
  }
  if ('DiscardStmt' in node) return node.DiscardStmt.target === 'DISCARD_ALL' ? 'DISCARD ALL' : undefined;
  const type = Object.keys(node)[0];
  return type === undefined ? undefined : ALWAYS[type];
}

const ALWAYS: Record<string, string> = {
  CreatedbStmt: 'CREATE DATABASE',
  DropdbStmt: 'DROP DATABASE',
  CreateTableSpaceStmt: 'CREATE TABLESPACE',
  DropTableSpaceStmt: 'DROP TABLESPACE',
  AlterSystemStmt: 'ALTER SYSTEM',
};

const REINDEX_MANY: Record<string, string> = {
  REINDEX_OBJECT_SCHEMA: 'REINDEX SCHEMA',
  REINDEX_OBJECT_SYSTEM: 'REINDEX SYSTEM',
  REINDEX_OBJECT_DATABASE: 'REINDEX DATABASE',
};

function detachesConcurrently(statement: AlterTableStmt): boolean {
  return (statement.cmds ?? []).some((command) => {
    const def = 'AlterTableCmd' in command ? command.AlterTableCmd.def : undefined;
    return def !== undefined && 'PartitionCmd' in def && def.PartitionCmd.concurrent === true;
  });
}
