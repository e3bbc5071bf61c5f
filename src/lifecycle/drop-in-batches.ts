import type { Client } from 'pg';

import { quoteIdentifier } from '../db/identifiers.js';

/**
 * Drops the contents of a schema until so little is left that `DROP SCHEMA` fits into one transaction. Each call of
 * `transaction` runs its statements in a transaction of their own; if the process is killed in between, the next call
 * continues.
 *
 * @param perBatch maximum number of objects to drop in one transaction. A table counts as several: itself and its indexes,
 *   constraints and defaults.
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
 * `DROP` statements for the next objects of a schema, about `perBatch` objects including their dependents; none if all that
 * is left is no more than that. Tables come first, because dropping them drops most dependents.
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
