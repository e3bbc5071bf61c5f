import { types } from 'pg';

import { TENANT_COLUMN } from './columns.js';
import type { QueryRows } from './types.js';

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/**
 * Rows as objects, the tenant first.
 *
 * What JSON can hold without loss keeps its type: booleans, whole numbers up to 2^53, floating point numbers, JSON, and
 * arrays of these. Everything else is a string as PostgreSQL prints it: larger numbers, `numeric` (which keeps its
 * digits), `NaN`, dates and times, and so on. Pure.
 */
export function rowObjects({ tenant, columns, rows }: QueryRows): RowObject[] {
  const readers = columns.map(({ type }) => READERS.get(type) ?? String);
  return rows.map(
    (row) =>
      // Through entries, so that a column called __proto__ is a column.
      Object.fromEntries<JsonValue>([
        [TENANT_COLUMN, tenant],
        ...columns.map(({ name }, index) => {
          const text = row[index] ?? null;
          return [name, text === null ? null : (readers[index] ?? String)(text)] as const;
        }),
      ]) as RowObject,
  );
}

type RowObject = Record<string, JsonValue> & { [TENANT_COLUMN]: string };

type Reader = (text: string) => JsonValue;

const boolean: Reader = (text) => text === 't';
const whole: Reader = (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text);
const float: Reader = (text) => (Number.isFinite(Number(text)) ? Number(text) : text);
const json: Reader = (text) => JSON.parse(text) as JsonValue;

/** By the OIDs of the built-in types, which are the same in every database (`pg_type.dat`): the type and its array. */
const READERS: ReadonlyMap<number, Reader> = new Map(
  [
    { type: 16, array: 1000, read: boolean },
    { type: 20, array: 1016, read: whole },
    { type: 21, array: 1005, read: whole },
    { type: 23, array: 1007, read: whole },
    { type: 26, array: 1028, read: whole },
    { type: 700, array: 1021, read: float },
    { type: 701, array: 1022, read: float },
    { type: 114, array: 199, read: json },
    { type: 3802, array: 3807, read: json },
    { type: 18, array: 1002, read: String },
    { type: 19, array: 1003, read: String },
    { type: 25, array: 1009, read: String },
    { type: 1042, array: 1014, read: String },
    { type: 1043, array: 1015, read: String },
    { type: 1700, array: 1231, read: String },
    { type: 2950, array: 2951, read: String },
  ].flatMap(({ type, array, read }): [number, Reader][] => [
    [type, read],
    [array, (text) => arrayOf(text, read)],
  ]),
);

/** An array with bounds of its own (`[2:3]={1,2}`) has no counterpart in JSON and stays a text. */
function arrayOf(text: string, read: Reader): JsonValue {
  if (!text.startsWith('{')) return text;
  const deep = (value: TextArray | string | null): JsonValue => {
    if (value === null) return null;
    return typeof value === 'string' ? read(value) : value.map(deep);
  };
  return deep(parseTextArray(text));
}

type TextArray = (string | null | TextArray)[];

/** node-postgres's own reader of `text[]`; its type package knows no arrays. */
const parseTextArray = types.getTypeParser(1009 as Parameters<typeof types.getTypeParser>[0], 'text') as (
  text: string,
) => TextArray;
