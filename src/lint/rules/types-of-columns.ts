import type { ColumnDef, Node } from 'libpg-query';

import { strings } from '../../engine/sql/parse/walk.js';
import { columnType } from '../history/column-type.js';
import { commandsOf } from '../history/history.js';
import type { Hit } from '../types.js';
import type { Check } from './subject.js';

/** Advice about the types of columns that are created. */
export const checkColumnTypes: Check = ({ node }) => columnsOf(node).flatMap((column) => advice(column));

function columnsOf(node: Node): ColumnDef[] {
  const elements = 'CreateStmt' in node ? (node.CreateStmt.tableElts ?? []) : [];
  const added =
    'AlterTableStmt' in node
      ? commandsOf(node.AlterTableStmt.cmds).flatMap(({ def }) => (def === undefined ? [] : [def]))
      : [];
  return [...elements, ...added].flatMap((element) => ('ColumnDef' in element ? [element.ColumnDef] : []));
}

function advice(column: ColumnDef): Hit[] {
  const type = columnType(column.typeName);
  if (type === undefined) return [];
  const at = column.location;
  const name = column.colname === undefined ? 'The column' : column.colname;
  const isBuiltIn = strings(column.typeName?.names)[0] === 'pg_catalog' || (column.typeName?.names ?? []).length === 1;
  if (!isBuiltIn) return [];
  switch (type.name) {
    case 'bpchar':
      return [
        {
          rule: 'char-type',
          message: `${name} is char(n), which stores spaces up to its length and ignores them when it compares.`,
          suggestion: 'Use text, with a check of the length where one is needed.',
          at,
        },
      ];
    case 'varchar':
      return type.modifiers.length === 0
        ? []
        : [
            {
              rule: 'varchar-length',
              message: `${name} has a length in its type, so that a smaller limit changes the type in every tenant.`,
              suggestion: 'Use text with a check of the length: a check can be replaced without a scan under a lock.',
              at,
            },
          ];
    case 'timestamp':
      return [
        {
          rule: 'timestamp-without-time-zone',
          message: `${name} is a timestamp without time zone: which moment it is depends on the time zone of whoever reads it.`,
          suggestion: 'Use timestamptz.',
          at,
        },
      ];
    case 'money':
      return [
        {
          rule: 'money-type',
          message: `${name} is money, whose currency and number of decimals are a setting of the server.`,
          suggestion: 'Use numeric, or an integer number of cents, with the currency in a column of its own.',
          at,
        },
      ];
    case 'json':
      return [
        {
          rule: 'json-type',
          message: `${name} is json, which cannot be compared or indexed: SELECT DISTINCT and GROUP BY fail.`,
          suggestion: 'Use jsonb.',
          at,
        },
      ];
    case 'serial':
    case 'serial2':
    case 'serial4':
    case 'serial8':
    case 'bigserial':
    case 'smallserial':
      return [
        {
          rule: 'serial-type',
          message: `${name} is ${type.name}, whose sequence has privileges of its own and whose default can be overwritten.`,
          suggestion: 'Use bigint GENERATED ALWAYS AS IDENTITY.',
          at,
        },
      ];
    default:
      return [];
  }
}
