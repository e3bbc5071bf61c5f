import { quoteLiteral } from '../../../db/identifiers.js';
import { addition } from '../../describe/definitions.js';
import { text, texts } from '../../describe/parts.js';
import { createSequence } from '../../describe/sequence.js';
import { createBareTable } from '../../describe/table.js';
import type { Item } from '../../types.js';
import { createAggregate } from './aggregate.js';
import { attributesOf } from './attributes.js';

/** The statements that make one object, as text. Those with `late` come after the rows. */
export type Creation = { item: Item; sql: string; late: boolean };

/**
 * The statements that make the objects of a schema, in an order in which they mostly succeed: what one object needs of
 * another is not known here. Settings of tables and columns are left to `change`. Pure.
 */
export function creationsOf(items: readonly Item[]): Creation[] {
  return items
    .flatMap((item): (Creation & { rank: number })[] => {
      const rank = RANKS.indexOf(item.kind);
      const sql = creationOf(item, items);
      return sql === null ? [] : [{ item, sql, rank, late: rank >= FIRST_LATE }];
    })
    .toSorted((a, b) => a.rank - b.rank || depth(a.item, items) - depth(b.item, items))
    .map(({ item, sql, late }) => ({ item, sql, late }));
}

const RANKS = [
  'type',
  'sequence',
  'function',
  'procedure',
  'aggregate',
  'table',
  'view',
  'column',
  // A trigger or a rule would act on the rows, and a foreign key ask for an order of theirs.
  'constraint',
  'index',
  'trigger',
  'rule',
  'policy',
  'statistics',
];
const FIRST_LATE = RANKS.indexOf('constraint');

function creationOf(item: Item, items: readonly Item[]): string | null {
  const statements = statementsOf(item, items);
  if (statements === null) return null;
  return [statements, ...attributesOf(item)].join('\n');
}

function statementsOf(item: Item, items: readonly Item[]): string | null {
  const { kind, parent, parts } = item;
  switch (kind) {
    case 'table':
      return createBareTable(
        item,
        items.filter((one) => one.kind === 'column' && one.parent === item.object),
      );
    case 'sequence': {
      // The table that owns it may need it for a default: `change` says whose it is.
      const { ownedBy: _ownedBy, ...rest } = parts;
      return createSequence({ ...item, parts: rest });
    }
    case 'aggregate':
      return createAggregate(item);
    case 'constraint':
      // The parent table hands these down.
      return parts['inherited'] === undefined ? addition(item) : null;
    case 'index':
      return createIndex(item);
    case 'column':
      return parent !== null && isViewColumn(item, items) ? viewColumn(item) : null;
    default:
      return addition(item);
  }
}

/** The index of a partitioned table and those of its partitions are made one by one, so that each has its own name. */
function createIndex({ object, parts }: Item): string {
  const create = `${text(parts['definition']).replace(/;$/, '')};`;
  if (parts['partOf'] === undefined) return create;
  return `${create}\nALTER INDEX ${text(parts['partOf'])} ATTACH PARTITION ${object};`;
}

function isViewColumn({ parent }: Item, items: readonly Item[]): boolean {
  return items.some(({ kind, object }) => kind === 'view' && object === parent);
}

/** Defaults and comments of the columns of views. */
function viewColumn({ parent, object, parts }: Item): string | null {
  const statements: string[] = [];
  const name = object.slice((parent ?? '').length + 1);
  if (parts['default'] !== undefined) {
    statements.push(`ALTER VIEW ${parent} ALTER COLUMN ${name} SET DEFAULT ${text(parts['default'])};`);
  }
  if (parts['comment'] !== undefined) {
    statements.push(`COMMENT ON COLUMN ${object} IS ${quoteLiteral(text(parts['comment']))};`);
  }
  return statements.length === 0 ? null : statements.join('\n');
}

/** Children come after their parents: of tables by inheritance, of indexes by partition. */
function depth(item: Item, items: readonly Item[]): number {
  const { kind, parts } = item;
  const parents = kind === 'index' ? texts([parts['partOf']].filter(Boolean)) : texts(parts['inherits']);
  const above = items.filter((one) => one.kind === kind && parents.includes(one.object));
  return above.length === 0 ? 0 : 1 + Math.max(...above.map((one) => depth(one, items)));
}
