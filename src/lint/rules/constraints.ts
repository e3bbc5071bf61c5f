import type { ColumnDef, Constraint } from 'libpg-query';

import { strings } from '../../engine/sql/parse/walk.js';
import { commandsOf } from '../history/history.js';
import type { Hit } from '../types.js';
import { constraintsOf } from './columns.js';
import { type Check, largeTable, type Subject } from './subject.js';

/** What is wrong with how constraints of an existing table are added and validated. */
export const checkConstraints: Check = (subject) => {
  const { node } = subject;
  if ('AlterDomainStmt' in node) return domainCheck(subject);
  if (!('AlterTableStmt' in node)) return [];
  const { relation, cmds } = node.AlterTableStmt;
  const large = largeTable(subject, relation);
  if (large === undefined) return [];
  const commands = commandsOf(cmds);
  const addedHere = new Set(
    commands.flatMap(({ def }) =>
      def !== undefined && 'Constraint' in def && def.Constraint.skip_validation === true
        ? [def.Constraint.conname ?? '']
        : [],
    ),
  );
  return commands.flatMap(({ subtype, name = '', def }): Hit[] => {
    if (subtype === 'AT_AddConstraint' && def !== undefined && 'Constraint' in def) {
      return [
        ...foreignKey(large, def.Constraint, undefined),
        ...check(large, def.Constraint),
        ...unique(large, def.Constraint),
      ];
    }
    if (subtype === 'AT_AddColumn' && def !== undefined && 'ColumnDef' in def) {
      return constraintsOf(def.ColumnDef).flatMap((one) => [
        ...foreignKey(large, one, def.ColumnDef),
        ...check(large, one),
        ...unique(large, one),
      ]);
    }
    const added = subject.history.isUnvalidated(large, name) || addedHere.has(name);
    return subtype === 'AT_ValidateConstraint' && subject.transaction && added ? [validated(large, name)] : [];
  });
};

function foreignKey(table: string, constraint: Constraint, column: ColumnDef | undefined): Hit[] {
  if (constraint.contype !== 'CONSTR_FOREIGN' || constraint.skip_validation === true) return [];
  // The rows of a new column without a default are all NULL, and the server does not look at them.
  if (column !== undefined && !constraintsOf(column).some(({ contype }) => contype === 'CONSTR_DEFAULT')) return [];
  const target = constraint.pktable?.relname ?? 'the other table';
  return [
    {
      rule: 'add-foreign-key',
      message: `The foreign key from ${table} to ${target} is checked for every row, while writes to ${target} wait as well.`,
      suggestion: 'Add it with NOT VALID, and validate it in a later migration that runs without a transaction.',
      at: constraint.location,
      table,
      lock: column === undefined ? 'SHARE ROW EXCLUSIVE' : 'ACCESS EXCLUSIVE',
      work: 'scan',
    },
  ];
}

function check(table: string, constraint: Constraint): Hit[] {
  if (constraint.contype !== 'CONSTR_CHECK' || constraint.skip_validation === true) return [];
  const name = constraint.conname === undefined ? 'The check' : `The check ${constraint.conname}`;
  return [
    {
      rule: 'add-check',
      message: `${name} is evaluated for every row of ${table}.`,
      suggestion:
        'Add it as a table constraint with NOT VALID, and validate it in a later migration that runs without a transaction.',
      at: constraint.location,
      table,
      lock: 'ACCESS EXCLUSIVE',
      work: 'scan',
    },
  ];
}

const KEYS: Readonly<Record<string, string>> = {
  CONSTR_UNIQUE: 'The unique constraint',
  CONSTR_PRIMARY: 'The primary key',
  CONSTR_EXCLUSION: 'The exclusion constraint',
};

function unique(table: string, constraint: Constraint): Hit[] {
  const what = KEYS[constraint.contype ?? ''];
  if (what === undefined || constraint.indexname !== undefined) return [];
  const suggestion =
    constraint.contype === 'CONSTR_EXCLUSION'
      ? 'The index of an exclusion constraint cannot be built beforehand: add it while the table is small, or when nobody works.'
      : 'Build the index with CREATE UNIQUE INDEX CONCURRENTLY in a migration without a transaction, and then add the constraint with USING INDEX.';
  return [
    {
      rule: 'add-unique',
      message: `${what} on ${table} builds its index itself.`,
      suggestion,
      at: constraint.location,
      table,
      lock: 'ACCESS EXCLUSIVE',
      work: 'index',
    },
  ];
}

function validated(table: string, constraint: string): Hit {
  return {
    rule: 'validate-in-same-transaction',
    message: `${constraint} is validated in the transaction that adds it, so NOT VALID gains nothing: the lock of ADD CONSTRAINT is held while every row is checked.`,
    suggestion:
      'Validate it in a later migration that begins with -- tenants: no-transaction, so that each statement releases its locks.',
    table,
    lock: 'ACCESS EXCLUSIVE',
    work: 'scan',
  };
}

function domainCheck({ node, history }: Subject): Hit[] {
  if (!('AlterDomainStmt' in node)) return [];
  const { subtype, typeName, def } = node.AlterDomainStmt;
  const name = strings(typeName).at(-1) ?? '';
  if (subtype !== 'C' || def === undefined || !('Constraint' in def) || def.Constraint.skip_validation === true) {
    return [];
  }
  if (history.isNewType(name)) return [];
  return [
    {
      rule: 'add-check',
      message: `The check of the domain ${name} is evaluated for every row of every table that has a column of it, and writes to them wait.`,
      suggestion: 'Add it with NOT VALID, and validate it in a later migration that runs without a transaction.',
      at: def.Constraint.location,
    },
  ];
}
