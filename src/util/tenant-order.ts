import { isIdentifier } from './identifier.js';

/** One column that tenants are ordered by. */
export type OrderColumn = { column: string; direction: 'ASC' | 'DESC'; nulls: 'FIRST' | 'LAST' | undefined };

/** What an order looks like, for messages. */
export const ORDER_FORM = "columns of the tenant table with their directions, such as 'created_at desc, schema_name'";

const ITEM = /^\s*(?:"((?:[^"]|"")+)"|([^"\s](?:[^"]*?[^"\s])?))(?:\s+(asc|desc))?(?:\s+nulls\s+(first|last))?\s*$/i;

/**
 * Reads an order such as `created_at desc, "Odd name"`: columns, each with a direction if need be, and nothing else. A name
 * stands for itself, in upper or lower case, and can be quoted as in SQL. A text of another form is the name of one column. Pure.
 *
 * @returns `undefined` for what no column can be called.
 */
export function parseTenantOrder(order: string): OrderColumn[] | undefined {
  const items = order.match(/(?:"(?:[^"]|"")*"|[^",])+/g) ?? [];
  const columns = items.map((item) => parseItem(item));
  const isWhole = items.length > 0 && items.join(',') === order;
  if (isWhole && columns.every((column) => column !== undefined)) return columns;
  return isIdentifier(order) && order.trim() !== ''
    ? [{ column: order, direction: 'ASC', nulls: undefined }]
    : undefined;
}

/** The order by one column, whatever it is called. */
export function orderBy(column: string): string {
  const [first, ...others] = parseTenantOrder(column) ?? [];
  const isPlain = first?.column === column && first.nulls === undefined && others.length === 0;
  return isPlain ? column : `"${column.replaceAll('"', '""')}"`;
}

function parseItem(item: string): OrderColumn | undefined {
  const [, quoted, plain, direction = 'asc', nulls] = ITEM.exec(item) ?? [];
  const column = quoted?.replaceAll('""', '"') ?? plain ?? '';
  if (!isIdentifier(column)) return undefined;
  return {
    column,
    direction: direction.toUpperCase() as OrderColumn['direction'],
    nulls: nulls?.toUpperCase() as OrderColumn['nulls'],
  };
}
