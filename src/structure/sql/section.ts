/** A fact about an object, as an expression; NULL means that there is nothing to say. Some are known to newer servers only. */
export type Part = string | { since: number; sql: string };

/** One kind of object of a schema: where it is found and what is said about it, as SQL expressions. */
export type Section = {
  kind: string;
  /** The name, quoted where necessary. */
  object: string;
  /** The name of the table it belongs to. */
  parent?: string;
  parts: Record<string, Part>;
  /** What stands behind FROM. */
  from: string;
};

/** The comment on an object of a catalog. */
export function comment(oid: string, catalog: string): string {
  return `obj_description(${oid}, '${catalog}')`;
}

const CONSTANT = `E?'(?:[^']|'')*'::character varying`;

/** Patterns and replacements: the elements of an array are cast one by one, with parentheses and without. */
const CAST_ARRAYS = [
  [`ARRAY\\[((?:\\(${CONSTANT}\\)::text(?:, )?)+)\\]`, `(ARRAY[\\1])::text[]`],
  [`\\((${CONSTANT})\\)::text(?=(?:, \\(${CONSTANT}\\)::text)*\\]\\)::text\\[\\])`, `\\1`],
  [`ARRAY\\[((?:${CONSTANT}::text(?:, )?)+)\\]`, `ARRAY[\\1]::text[]`],
  [`(${CONSTANT})::text(?=(?:, ${CONSTANT}::text)*\\]::text\\[\\])`, `\\1`],
] as const;

/**
 * A definition that PostgreSQL writes, in the one form of those that mean the same. It shows `status IN ('new', 'paid')` of a `varchar`
 * as `(ARRAY['new'::character varying, …])::text[]`, but once that text has been executed as
 * `ARRAY[('new'::character varying)::text, …]`: after a dump, or from the statements that are written here.
 */
export function sameForm(definition: string): string {
  const replaced = CAST_ARRAYS.reduce(
    (text, [pattern, by]) => `regexp_replace(${text}, ${quote(pattern)}, ${quote(by)}, 'g')`,
    'x.written',
  );
  return `(SELECT CASE WHEN x.written LIKE '%::character varying%' THEN ${replaced} ELSE x.written END FROM (SELECT ${definition} AS written OFFSET 0) AS x)`;
}

/** With backslashes, whatever `standard_conforming_strings` says. */
function quote(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** A section as a query of kind, object, parent and parts. */
export function toQuery({ kind, object, parent, parts, from }: Section, version: number): string {
  const known = Object.entries(parts).flatMap(([name, part]) => {
    if (typeof part === 'string') return [`'${name}', ${part}`];
    return part.since <= version ? [`'${name}', ${part.sql}`] : [];
  });
  return `SELECT ${kind} AS kind, ${object} AS object, ${parent ?? 'NULL'} AS parent,
    jsonb_strip_nulls(jsonb_build_object(${known.join(', ')})) AS parts FROM ${from}`;
}
