import { quoteLiteral } from '../../../db/identifiers.js';
import { text, texts } from '../../describe/parts.js';
import type { Item, Parts } from '../../types.js';

/** What is said of an object in statements of its own: comments, and settings that its definition does not show. */
export function attributesOf(item: Item): string[] {
  const { kind, parts } = item;
  const settings = SETTINGS[kind]?.(item) ?? [];
  // Of tables and columns `change` sees to these.
  if (kind === 'table' || kind === 'column' || parts['comment'] === undefined) return settings;
  const on = commentedOn(item);
  return on === undefined ? settings : [...settings, `COMMENT ON ${on} IS ${quoteLiteral(text(parts['comment']))};`];
}

function commentedOn({ kind, object, parent, parts }: Item): string | undefined {
  switch (kind) {
    case 'constraint':
    case 'trigger':
    case 'rule':
    case 'policy':
      return `${kind.toUpperCase()} ${text(parts['name'])} ON ${parent}`;
    case 'view':
      return `${viewKind(parts)} ${object}`;
    case 'index':
    case 'sequence':
    case 'function':
    case 'procedure':
    case 'aggregate':
    case 'statistics':
      return `${kind.toUpperCase()} ${object}`;
    case 'type':
      return `${parts['kind'] === 'domain' ? 'DOMAIN' : 'TYPE'} ${object}`;
    default:
      return undefined;
  }
}

const SETTINGS: Readonly<Record<string, (item: Item) => string[]>> = {
  view: ({ object, parts }) =>
    options(`ALTER ${viewKind(parts)} ${object}`, parts).concat(
      parts['tablespace'] === undefined
        ? []
        : [`ALTER ${viewKind(parts)} ${object} SET TABLESPACE ${text(parts['tablespace'])};`],
    ),
  constraint: ({ parent, parts }) => [
    ...options(`ALTER INDEX ${text(parts['name'])}`, parts),
    ...clustered(parent, text(parts['name']), parts),
  ],
  index: ({ object, parent, parts }) => [
    ...clustered(parent, object, parts),
    ...Object.entries((parts['statistics'] ?? {}) as Record<string, number>).map(
      ([column, target]) => `ALTER INDEX ${object} ALTER COLUMN ${column} SET STATISTICS ${target};`,
    ),
  ],
  trigger: ({ parent, parts }) => enabled(parent, 'TRIGGER', parts),
  rule: ({ parent, parts }) => enabled(parent, 'RULE', parts),
  statistics: ({ object, parts }) =>
    parts['target'] === undefined ? [] : [`ALTER STATISTICS ${object} SET STATISTICS ${text(parts['target'])};`],
};

function viewKind(parts: Parts): string {
  return parts['kind'] === 'materialized' ? 'MATERIALIZED VIEW' : 'VIEW';
}

function options(alter: string, parts: Parts): string[] {
  const wanted = texts(parts['options']);
  return wanted.length === 0 ? [] : [`${alter} SET (${wanted.join(', ')});`];
}

function clustered(table: string | null, index: string, parts: Parts): string[] {
  return parts['clustered'] === undefined ? [] : [`ALTER TABLE ${table} CLUSTER ON ${index};`];
}

function enabled(table: string | null, what: string, parts: Parts): string[] {
  return parts['enabled'] === undefined
    ? []
    : [`ALTER TABLE ${table} ${text(parts['enabled'])} ${what} ${text(parts['name'])};`];
}
