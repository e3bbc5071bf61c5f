import type { Node, RangeVar } from 'libpg-query';

import { booleanOption } from '../../engine/sql/parse/options.js';
import { commandsOf } from '../history/history.js';
import type { Hit, LockMode } from '../types.js';
import { type Check, largeTable, olderTable, type Subject } from './subject.js';

/** Statements that rewrite or lock whole tables, and triggers that are turned off. */
export const checkHeavy: Check = (subject) => {
  const { node } = subject;
  if ('LockStmt' in node) return locked(subject);
  if ('VariableSetStmt' in node) return replicationRole(node);
  if ('AlterTableStmt' in node) {
    const { relation, cmds } = node.AlterTableStmt;
    return commandsOf(cmds).flatMap(({ subtype = '' }) => [
      ...rewritten(largeTable(subject, relation), REWRITES[subtype]),
      ...disabled(olderTable(subject, relation), subtype),
    ]);
  }
  if ('VacuumStmt' in node && booleanOption(node.VacuumStmt.options, 'full') === true) {
    const [only] = node.VacuumStmt.rels ?? [];
    const relation = only !== undefined && 'VacuumRelation' in only ? only.VacuumRelation.relation : undefined;
    return rewritten(largeTable(subject, relation) ?? 'every table', 'VACUUM FULL');
  }
  if ('ClusterStmt' in node) {
    const { relation } = node.ClusterStmt;
    return rewritten(relation === undefined ? 'every table' : largeTable(subject, relation), 'CLUSTER');
  }
  return [];
};

/** `LOCK TABLE` counts the modes as the server does, from ACCESS SHARE (1) to ACCESS EXCLUSIVE (8). */
const MODES: Readonly<Record<number, LockMode>> = {
  4: 'SHARE UPDATE EXCLUSIVE',
  5: 'SHARE',
  6: 'SHARE ROW EXCLUSIVE',
  7: 'EXCLUSIVE',
  8: 'ACCESS EXCLUSIVE',
};

function locked(subject: Subject): Hit[] {
  if (!('LockStmt' in subject.node)) return [];
  const { relations, mode = 0 } = subject.node.LockStmt;
  const lock = MODES[mode];
  if (lock === undefined) return [];
  return (relations ?? []).flatMap((node): Hit[] => {
    const relation: RangeVar | undefined = 'RangeVar' in node ? node.RangeVar : undefined;
    const table = olderTable(subject, relation);
    if (table === undefined) return [];
    return [
      {
        rule: 'lock-table',
        message: `LOCK TABLE holds ${table} until the tenant's transaction ends, through everything that comes after it.`,
        suggestion: 'Leave it out: each statement takes the lock that it needs. To serialize, use an advisory lock.',
        at: relation?.location,
        table,
        lock,
      },
    ];
  });
}

const REWRITES: Readonly<Record<string, string>> = {
  AT_SetLogged: 'SET LOGGED',
  AT_SetUnLogged: 'SET UNLOGGED',
  AT_SetTableSpace: 'SET TABLESPACE',
  AT_SetAccessMethod: 'SET ACCESS METHOD',
};

function rewritten(table: string | undefined, what: string | undefined): Hit[] {
  if (table === undefined || what === undefined) return [];
  return [
    {
      rule: 'rewrite-table',
      message: `${what} writes ${table} and its indexes anew.`,
      suggestion:
        'Do it outside of migrations, at a time when nobody works; to get space back, pg_repack does it beside the application.',
      table,
      lock: 'ACCESS EXCLUSIVE',
      work: 'rewrite',
    },
  ];
}

function disabled(table: string | undefined, subtype: string): Hit[] {
  if (table === undefined || !/^AT_Disable(Trig|Rule)/.test(subtype)) return [];
  return [
    {
      rule: 'disable-trigger',
      message: `A trigger of ${table} is turned off for everybody, not only for this migration: rows that the application writes are not checked.`,
      suggestion: 'Make the change without turning triggers off, such as with a condition in the trigger function.',
      table,
      lock: 'SHARE ROW EXCLUSIVE',
    },
  ];
}

function replicationRole(node: Node): Hit[] {
  if (!('VariableSetStmt' in node) || node.VariableSetStmt.name !== 'session_replication_role') return [];
  return [
    {
      rule: 'disable-trigger',
      message: 'session_replication_role turns off triggers and foreign keys, so rows that break them are stored.',
      suggestion: 'Make the change with triggers and foreign keys in force.',
    },
  ];
}
