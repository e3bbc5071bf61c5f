import type { Node, RangeVar } from 'libpg-query';

import { objectName } from '../../engine/sql/names/names.js';
import { commandsOf } from '../history/history.js';
import type { Hit } from '../types.js';

/** What `up` made, so that `down` may take it away. */
export type Made = { tables: ReadonlySet<string>; columns: ReadonlySet<string> };

/** Rows and columns that a down migration deletes although its up did not make them. */
export function checkDown(node: Node, made: Made): Hit[] {
  if ('AlterTableStmt' in node) {
    const { relation, cmds } = node.AlterTableStmt;
    const table = relation?.relname ?? '';
    if (made.tables.has(table)) return [];
    return commandsOf(cmds)
      .filter(({ subtype, name = '' }) => subtype === 'AT_DropColumn' && !made.columns.has(`${table}.${name}`))
      .map(({ name = '' }) => loss(`The down migration drops ${table}.${name}, which the up migration did not add`));
  }
  if ('DropStmt' in node && node.DropStmt.removeType === 'OBJECT_TABLE') {
    return (node.DropStmt.objects ?? [])
      .flatMap((object) => objectName('OBJECT_TABLE', object))
      .filter(({ name }) => !made.tables.has(name))
      .map(({ name }) => loss(`The down migration drops the table ${name}, which the up migration did not create`));
  }
  const emptied = emptiedTables(node).filter(({ relname = '' }) => !made.tables.has(relname));
  return emptied.map(({ relname = '' }) =>
    loss(`The down migration deletes all rows of ${relname}, which the up migration did not create`),
  );
}

function emptiedTables(node: Node): RangeVar[] {
  if ('TruncateStmt' in node) {
    return (node.TruncateStmt.relations ?? []).flatMap((one) => ('RangeVar' in one ? [one.RangeVar] : []));
  }
  if (!('DeleteStmt' in node) || node.DeleteStmt.whereClause !== undefined) return [];
  return node.DeleteStmt.relation === undefined ? [] : [node.DeleteStmt.relation];
}

function loss(what: string): Hit {
  return {
    rule: 'down-loses-data',
    message: `${what}: a rollback loses data that was there before.`,
    suggestion: 'Take away only what the up migration made, and delete by a condition.',
  };
}
