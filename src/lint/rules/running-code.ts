import type { AlterTableCmd, Node } from 'libpg-query';

import { objectName } from '../../engine/sql/names/names.js';
import { commandsOf } from '../history/history.js';
import type { Hit } from '../types.js';
import { type Check, olderTable, type Subject, tableName } from './subject.js';

const DEPLOY_FIRST = 'While a fleet is migrated, the old and the new application meet tenants of both kinds.';

/** What the application that is running does not survive: columns and tables that go away or get another name. */
export const checkRunningCode: Check = (subject) => {
  const { node } = subject;
  if ('DropStmt' in node) return dropped(subject);
  if ('RenameStmt' in node) return renamed(subject);
  if ('TruncateStmt' in node && node.TruncateStmt.behavior === 'DROP_CASCADE') return truncated(node);
  if (!('AlterTableStmt' in node)) return [];
  const table = olderTable(subject, node.AlterTableStmt.relation);
  if (table === undefined) return [];
  return commandsOf(node.AlterTableStmt.cmds).flatMap((command) => altered(subject, table, command));
};

function altered({ history, waits }: Subject, table: string, { subtype, name = '', behavior }: AlterTableCmd): Hit[] {
  const hits: Hit[] = [];
  if (!waits && subtype === 'AT_DropColumn' && !history.isNewColumn(table, name)) {
    hits.push({
      rule: 'drop-column',
      message: `${table}.${name} goes away while the application may still use it. ${DEPLOY_FIRST}`,
      suggestion:
        'Deploy an application that does not use the column first: begin the migration with -- tenants: phase=post.',
      table,
      lock: 'ACCESS EXCLUSIVE',
    });
  }
  if (behavior === 'DROP_CASCADE') {
    const what = subtype === 'AT_DropConstraint' ? `the constraint ${name}` : `the column ${name}`;
    hits.push(cascade(`Dropping ${what} of ${table} with CASCADE`));
  }
  return hits;
}

/** Types of objects that an application reads and writes by name. */
const READ_BY_NAME: Readonly<Record<string, string>> = {
  OBJECT_TABLE: 'table',
  OBJECT_VIEW: 'view',
  OBJECT_MATVIEW: 'materialized view',
  OBJECT_FOREIGN_TABLE: 'foreign table',
};

function dropped(subject: Subject): Hit[] {
  const { node, history, scope, waits } = subject;
  if (!('DropStmt' in node)) return [];
  const { removeType = '', objects, behavior } = node.DropStmt;
  const names = (objects ?? []).flatMap((object) => objectName(removeType, object));
  const known = names.map(({ name, schema }) =>
    tableName(scope, { relname: name, ...(schema === undefined ? {} : { schemaname: schema }) }),
  );
  const hits: Hit[] = [];
  if (removeType === 'OBJECT_TABLE' && !waits) {
    for (const table of known.filter((name) => !history.isNew(name))) {
      hits.push({
        rule: 'drop-table',
        message: `The table ${table} and its rows go away while the application may still use it. ${DEPLOY_FIRST}`,
        suggestion:
          'Deploy an application that does not use the table first: begin the migration with -- tenants: phase=post.',
        table,
        lock: 'ACCESS EXCLUSIVE',
      });
    }
  }
  const isNew = known.length > 0 && known.every((name) => history.isNew(name) || history.isNewType(name));
  if (behavior === 'DROP_CASCADE' && !isNew) {
    hits.push(cascade(`DROP ${removeType.replace('OBJECT_', '')} ${known.join(', ')} CASCADE`));
  }
  return hits;
}

function cascade(what: string): Hit {
  return {
    rule: 'drop-cascade',
    message: `${what} also drops everything that depends on it, which may be something else in each tenant.`,
    suggestion:
      'Leave CASCADE out, and drop what depends on it by name, so that the migration fails where there is more.',
  };
}

function truncated(node: Node): Hit[] {
  if (!('TruncateStmt' in node)) return [];
  return [
    {
      rule: 'truncate-cascade',
      message:
        'TRUNCATE … CASCADE also empties every table that has a foreign key to this one, and the tables that refer to those.',
      suggestion: 'Name all tables that are meant to be emptied, without CASCADE.',
      lock: 'ACCESS EXCLUSIVE',
    },
  ];
}

function renamed(subject: Subject): Hit[] {
  const { node, history } = subject;
  if (!('RenameStmt' in node)) return [];
  const { renameType = '', relation, subname = '', newname = '' } = node.RenameStmt;
  const table = olderTable(subject, relation);
  if (table === undefined) return [];
  if (renameType === 'OBJECT_COLUMN') {
    if (history.isNewColumn(table, subname)) return [];
    return [
      {
        rule: 'rename-column',
        message: `${table}.${subname} becomes ${newname}, and statements that use the old name fail from that moment. ${DEPLOY_FIRST}`,
        suggestion:
          'Add a column with the new name, keep both filled while the application is deployed, and drop the old one in a later migration.',
        table,
        lock: 'ACCESS EXCLUSIVE',
      },
    ];
  }
  const what = READ_BY_NAME[renameType];
  if (what === undefined) return [];
  return [
    {
      rule: 'rename-table',
      message: `The ${what} ${table} becomes ${newname}, and statements that use the old name fail from that moment. ${DEPLOY_FIRST}`,
      suggestion: `Leave a view under the old name in the same migration, and drop it when no application uses it: CREATE VIEW ${table} AS SELECT * FROM ${newname}.`,
      table,
      lock: 'ACCESS EXCLUSIVE',
    },
  ];
}
