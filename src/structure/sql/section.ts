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

/** A section as a query of kind, object, parent and parts. */
export function toQuery({ kind, object, parent, parts, from }: Section, version: number): string {
  const known = Object.entries(parts).flatMap(([name, part]) => {
    if (typeof part === 'string') return [`'${name}', ${part}`];
    return part.since <= version ? [`'${name}', ${part.sql}`] : [];
  });
  return `SELECT ${kind} AS kind, ${object} AS object, ${parent ?? 'NULL'} AS parent,
    jsonb_strip_nulls(jsonb_build_object(${known.join(', ')})) AS parts FROM ${from}`;
}
