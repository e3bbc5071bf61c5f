import type { Client } from 'pg';

import { quoteIdentifier } from '../db/identifiers.js';

/**
 * Drops what is in a schema until so little is left that `DROP SCHEMA` fits into one transaction. Each call of
 * `transaction` runs its statements in a transaction of their own; whoever is killed in between is continued by the next
 * call.
 *
 * @param perBatch objects that one transaction should drop at most; a table with its indexes, constraints and defaults
 *   is several, so fewer tables than that go at once.
 */
export async function dropInBatches(
  client: Client,
  schema: string,
  perBatch: number,
  transaction: (statements: string[]) => Promise<void>,
): Promise<void> {
  for (;;) {
    const statements = await nextBatch(client, schema, perBatch);
    if (statements.length === 0) return;
    await transaction(statements);
  }
}

/** The statement that drops the rest. */
export function dropSchema(schema: string): string {
  return `DROP SCHEMA IF EXISTS ${quoteIdentifier(schema)} CASCADE`;
}

/**
 * `DROP` statements for the next objects of a schema, as many as have `perBatch` dependent objects together; none when
 * the whole rest is no more than that. Tables go first, because with them goes most of what depends on anything.
 */
async function nextBatch(client: Client, schema: string, perBatch: number): Promise<string[]> {
  const { rows } = await client.query<{ statement: string }>(
    `WITH direct AS (
       SELECT d.classid, d.objid, c.relkind
         FROM pg_depend d
         LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
        WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = (SELECT oid FROM pg_namespace WHERE nspname = $1)
          AND d.classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass)
     ), weighed AS (
       SELECT o.*, 2 + (SELECT count(*) FROM pg_depend d WHERE d.refclassid = o.classid AND d.refobjid = o.objid) AS weight
         FROM direct o
     ), added AS (
       SELECT w.*, sum(weight) OVER (ORDER BY relkind NOT IN ('r', 'p') NULLS LAST, objid) AS total, sum(weight) OVER () AS whole
         FROM weighed w
     )
     SELECT format('DROP %s IF EXISTS %s CASCADE', CASE i.type WHEN 'composite type' THEN 'type' ELSE i.type END, i.identity) AS statement
       FROM added, LATERAL pg_identify_object(classid, objid, 0) i
      WHERE whole > $2 AND total - weight < $2
      ORDER BY total`,
    [schema, perBatch],
  );
  return rows.map(({ statement }) => statement);
}
