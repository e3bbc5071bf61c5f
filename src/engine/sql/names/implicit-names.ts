import type { ColumnDef, Constraint, IndexStmt, Node } from 'libpg-query';

import { strings } from '../parse/walk.js';

/** `NAMEDATALEN - 1` of an unmodified server. */
const LONGEST_NAME = 63;

const INDEX_LABELS: Record<string, string> = { CONSTR_PRIMARY: 'pkey', CONSTR_UNIQUE: 'key', CONSTR_EXCLUSION: 'excl' };

const SERIAL = /^(small|big)?serial$|^serial[248]$/;

/** The name of an index that `CREATE INDEX ON t (…)` leaves to the server, before it is made unique with a number. */
export function indexName(statement: IndexStmt): string {
  const columns = [...(statement.indexParams ?? []), ...(statement.indexIncludingParams ?? [])];
  return joinName(statement.relation?.relname ?? '', columnPart(columns.map(indexColumn)), 'idx');
}

/** The name of the index behind a key or exclusion constraint; `undefined` for constraints without an index. */
export function constraintIndexName(table: string, constraint: Constraint, column?: string): string | undefined {
  const { contype, conname, indexname } = constraint;
  const label = INDEX_LABELS[contype ?? ''];
  if (label === undefined) return undefined;
  if (conname !== undefined || indexname !== undefined) return conname ?? indexname;
  if (label === 'pkey') return joinName(table, '', label);
  const excluded = (constraint.exclusions ?? []).flatMap((item) =>
    'List' in item ? (item.List.items?.[0] ?? []) : [],
  );
  const keys = column === undefined ? strings(constraint.keys) : [column];
  return joinName(table, columnPart([...keys, ...excluded.map(indexColumn), ...strings(constraint.including)]), label);
}

/** The sequence behind a `serial` or identity column, `undefined` for other columns. */
export function columnSequenceName(table: string, column: ColumnDef): string | undefined {
  const [type, ...more] = strings(column.typeName?.names);
  const serial = type !== undefined && more.length === 0 && SERIAL.test(type);
  const identity = (column.constraints ?? []).some(
    (item) => 'Constraint' in item && item.Constraint.contype === 'CONSTR_IDENTITY',
  );
  return serial || identity ? joinName(table, column.colname ?? '', 'seq') : undefined;
}

/** The server's `makeObjectName`: the longer of the two parts loses characters until all fits into 63 bytes. */
function joinName(table: string, column: string, label: string): string {
  const first = Buffer.from(table);
  const second = Buffer.from(column);
  const room = LONGEST_NAME - label.length - 1 - (second.length > 0 ? 1 : 0);
  let [a, b] = [first.length, second.length];
  while (a + b > room) {
    if (a > b) a -= 1;
    else b -= 1;
  }
  return [clip(first, a), clip(second, b), label].filter((part) => part !== '').join('_');
}

/** The server's `pg_mbcliplen`: whole characters only. */
function clip(bytes: Buffer, length: number): string {
  let end = length;
  // Bytes 10xxxxxx continue a character of UTF-8.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}

/** The server's `ChooseIndexNameAddition`: columns are added until 63 bytes are reached. */
function columnPart(columns: string[]): string {
  let joined = '';
  for (const column of columns) {
    joined += joined === '' ? column : `_${column}`;
    if (Buffer.byteLength(joined) > LONGEST_NAME) break;
  }
  return joined;
}

function indexColumn(node: Node): string {
  if (!('IndexElem' in node)) return 'expr';
  return node.IndexElem.name ?? expressionName(node.IndexElem.expr);
}

/** The server's `FigureIndexColname` for the expressions that indexes are usually made on. */
function expressionName(node: Node | undefined): string {
  if (node === undefined) return 'expr';
  if ('FuncCall' in node) return strings(node.FuncCall.funcname).at(-1) ?? 'expr';
  if ('ColumnRef' in node) return strings(node.ColumnRef.fields).at(-1) ?? 'expr';
  if ('CoalesceExpr' in node) return 'coalesce';
  if ('TypeCast' in node) {
    const inner = expressionName(node.TypeCast.arg);
    return inner === 'expr' ? (strings(node.TypeCast.typeName?.names).at(-1) ?? 'expr') : inner;
  }
  return 'expr';
}
