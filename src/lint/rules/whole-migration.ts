import type { Node, RangeVar } from 'libpg-query';

import { commandsOf } from '../history/history.js';
import type { ReadStatement } from '../read/types.js';
import type { Hit } from '../types.js';
import { largeTable, olderTable, type Subject } from './subject.js';

/** What only a look at all statements of a migration shows. */
export type MigrationWatch = {
  see(subject: Subject, statement: ReadStatement): void;
  /** Findings with the statement that each is about. */
  finish(transaction: boolean): { hit: Hit; statement: ReadStatement }[];
};

export function watchMigration(): MigrationWatch {
  const exclusive = new Map<string, ReadStatement>();
  const allRows: { table: string; verb: string; statement: ReadStatement }[] = [];
  let definitions = false;
  return {
    see(subject, statement) {
      for (const table of exclusivelyLocked(subject)) {
        if (!exclusive.has(table)) exclusive.set(table, statement);
        definitions = true;
      }
      if ('IndexStmt' in subject.node) {
        definitions ||= olderTable(subject, subject.node.IndexStmt.relation) !== undefined;
      }
      const changed = changedWhole(subject);
      if (changed !== undefined) allRows.push({ ...changed, statement });
    },
    finish(transaction) {
      if (!transaction) return [];
      return [...manyLocks(exclusive), ...(definitions ? allRows.map(besideDefinitions) : [])];
    },
  };
}

function manyLocks(exclusive: ReadonlyMap<string, ReadStatement>): { hit: Hit; statement: ReadStatement }[] {
  const tables = [...exclusive.keys()];
  const second = [...exclusive.values()][1];
  if (second === undefined) return [];
  return [
    {
      statement: second,
      hit: {
        rule: 'many-exclusive-locks',
        message: `The transaction locks ${tables.length} tables exclusively (${tables.join(', ')}) and holds all of them to its end; an application that uses them in another order ends in a deadlock.`,
        suggestion: 'Change one table in each migration, with `transaction: "migration"` in the configuration.',
        lock: 'ACCESS EXCLUSIVE',
      },
    },
  ];
}

function besideDefinitions({ table, verb, statement }: { table: string; verb: string; statement: ReadStatement }): {
  hit: Hit;
  statement: ReadStatement;
} {
  return {
    statement,
    hit: {
      rule: 'full-table-change',
      message: `${verb} changes every row of ${table} in the transaction of a change of definitions, whose locks are held as long.`,
      suggestion: 'Change the rows in a migration of its own, in batches where a tenant has many.',
      table,
    },
  };
}

function changedWhole(subject: Subject): { table: string; verb: string } | undefined {
  const { node } = subject;
  const found =
    'UpdateStmt' in node
      ? { verb: 'UPDATE', ...node.UpdateStmt }
      : 'DeleteStmt' in node
        ? { verb: 'DELETE', ...node.DeleteStmt }
        : undefined;
  if (found === undefined || (found.whereClause !== undefined && !isTrue(found.whereClause))) return undefined;
  const table = largeTable(subject, found.relation);
  return table === undefined ? undefined : { table, verb: found.verb };
}

function isTrue(node: Node): boolean {
  return 'A_Const' in node && node.A_Const.boolval?.boolval === true;
}

/** Parts of `ALTER TABLE` that need a weaker lock. */
const WEAKER: ReadonlySet<string> = new Set([
  'AT_ValidateConstraint',
  'AT_SetStatistics',
  'AT_SetRelOptions',
  'AT_ResetRelOptions',
  'AT_SetOptions',
  'AT_ResetOptions',
  'AT_ClusterOn',
  'AT_AttachPartition',
]);

/** Older tables on which a statement takes ACCESS EXCLUSIVE. */
function exclusivelyLocked(subject: Subject): string[] {
  const { node } = subject;
  const name = (relation: RangeVar | undefined): string[] => {
    const table = olderTable(subject, relation);
    return table === undefined ? [] : [table];
  };
  const named = (nodes: readonly Node[] | undefined): string[] =>
    (nodes ?? []).flatMap((one) => ('RangeVar' in one ? name(one.RangeVar) : []));
  if ('AlterTableStmt' in node) {
    const { relation, cmds, objtype } = node.AlterTableStmt;
    const isStrong = commandsOf(cmds).some(
      ({ subtype = '', def }) => !WEAKER.has(subtype) && !/Trig/.test(subtype) && !isForeignKey(def),
    );
    return isStrong && objtype === 'OBJECT_TABLE' ? name(relation) : [];
  }
  if ('RenameStmt' in node) return name(node.RenameStmt.relation);
  if ('TruncateStmt' in node) return named(node.TruncateStmt.relations);
  if ('LockStmt' in node) return node.LockStmt.mode === 8 ? named(node.LockStmt.relations) : [];
  if ('CreatePolicyStmt' in node) return name(node.CreatePolicyStmt.table);
  if ('ClusterStmt' in node) return name(node.ClusterStmt.relation);
  if (!('DropStmt' in node) || node.DropStmt.removeType !== 'OBJECT_TABLE') return [];
  return (node.DropStmt.objects ?? []).flatMap((object) => {
    const parts =
      'List' in object
        ? (object.List.items ?? []).flatMap((one) => ('String' in one ? (one.String.sval ?? '') : []))
        : [];
    const [relname, schemaname] = parts.toReversed();
    return relname === undefined ? [] : name({ relname, ...(schemaname === undefined ? {} : { schemaname }) });
  });
}

function isForeignKey(definition: Node | undefined): boolean {
  return definition !== undefined && 'Constraint' in definition && definition.Constraint.contype === 'CONSTR_FOREIGN';
}
