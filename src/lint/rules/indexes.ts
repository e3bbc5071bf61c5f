import type { Node } from 'libpg-query';

import { objectName } from '../../engine/sql/names/names.js';
import { booleanOption } from '../../engine/sql/parse/options.js';
import type { Hit } from '../types.js';
import { type Check, largeTable, olderTable, type Subject } from './subject.js';

/** What is wrong with how indexes and materialized views of existing tables are built, rebuilt and dropped. */
export const checkIndexes: Check = (subject) => {
  const { node } = subject;
  if ('IndexStmt' in node) return created(subject);
  if ('DropStmt' in node && node.DropStmt.removeType === 'OBJECT_INDEX') return dropped(subject, node.DropStmt.objects);
  if ('ReindexStmt' in node) return rebuilt(subject);
  if ('RefreshMatViewStmt' in node) return refreshed(subject);
  return [];
};

function created(subject: Subject): Hit[] {
  const { node } = subject;
  if (!('IndexStmt' in node) || node.IndexStmt.concurrent === true) return [];
  const table = largeTable(subject, node.IndexStmt.relation);
  if (table === undefined) return [];
  return [
    {
      rule: 'create-index-without-concurrently',
      message: `CREATE INDEX on ${table} without CONCURRENTLY.`,
      suggestion: 'Use CREATE INDEX CONCURRENTLY, in a migration that begins with -- tenants: no-transaction.',
      table,
      lock: 'SHARE',
      work: 'index',
    },
  ];
}

function dropped(subject: Subject, objects: Node[] | undefined): Hit[] {
  const { node, history } = subject;
  if (!('DropStmt' in node) || node.DropStmt.concurrent === true) return [];
  const names = (objects ?? []).flatMap((object) => objectName('OBJECT_INDEX', object)).map(({ name }) => name);
  const old = names.filter((name) => !history.isNewIndex(name));
  if (old.length === 0) return [];
  return [
    {
      rule: 'drop-index-without-concurrently',
      message: `DROP INDEX ${old.join(', ')} waits for everything that uses the table, and everything that comes after it waits behind it.`,
      suggestion: 'Use DROP INDEX CONCURRENTLY, in a migration that begins with -- tenants: no-transaction.',
      lock: 'ACCESS EXCLUSIVE',
    },
  ];
}

function rebuilt(subject: Subject): Hit[] {
  const { node } = subject;
  if (!('ReindexStmt' in node) || booleanOption(node.ReindexStmt.params, 'concurrently') === true) return [];
  const { relation, kind } = node.ReindexStmt;
  if (relation !== undefined && olderTable(subject, relation) === undefined) return [];
  const isTable = kind === 'REINDEX_OBJECT_TABLE';
  return [
    {
      rule: 'reindex-without-concurrently',
      message: 'REINDEX builds indexes anew while writes wait, and reads that would use them.',
      suggestion: 'Use REINDEX (CONCURRENTLY), in a migration that begins with -- tenants: no-transaction.',
      ...(isTable ? { table: largeTable(subject, relation) } : {}),
      lock: isTable ? 'SHARE' : 'ACCESS EXCLUSIVE',
      work: 'index',
    },
  ];
}

function refreshed(subject: Subject): Hit[] {
  const { node } = subject;
  if (!('RefreshMatViewStmt' in node) || node.RefreshMatViewStmt.concurrent === true) return [];
  if (node.RefreshMatViewStmt.skipData === true) return [];
  const table = olderTable(subject, node.RefreshMatViewStmt.relation);
  if (table === undefined) return [];
  return [
    {
      rule: 'refresh-without-concurrently',
      message: `REFRESH MATERIALIZED VIEW ${table} without CONCURRENTLY.`,
      suggestion:
        'Use REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index, or refresh it outside of migrations.',
      table,
      lock: 'ACCESS EXCLUSIVE',
      work: 'rewrite',
    },
  ];
}
