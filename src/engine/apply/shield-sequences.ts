import type { Client } from 'pg';

import { quoteLiteral } from '../../db/identifiers.js';
import type { CompiledMigration, Plan } from '../types.js';

/**
 * Keeps sequences from moving in a transaction that is rolled back. `nextval` and `setval` cannot be undone, but `ALTER SEQUENCE` can:
 * it gives the sequence new storage, which everything after it in the transaction changes, and which goes away with the transaction.
 * Nobody else can use the sequence until then.
 *
 * The sequence of the migrations table is always among them; the others of the schema where the plan may use them. One that belongs to
 * somebody else cannot be altered and is left as it is.
 */
export async function shieldSequences(
  client: Client,
  schema: string,
  migrationsTable: string,
  plan: Plan,
): Promise<void> {
  const all = plan.segments.some(({ migrations }) => migrations.some((migration) => mayUseSequences(migration)));
  const wanted = all
    ? 'true'
    : `EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class t ON t.oid OPERATOR(pg_catalog.=) d.refobjid
        WHERE d.objid OPERATOR(pg_catalog.=) c.oid AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
          AND t.relname OPERATOR(pg_catalog.=) ${quoteLiteral(migrationsTable)}::pg_catalog.name
          AND t.relnamespace OPERATOR(pg_catalog.=) c.relnamespace)`;
  await client.query(`DO $shield$
DECLARE sequence pg_catalog.record; last pg_catalog.int8; called pg_catalog.bool;
BEGIN
  FOR sequence IN
    SELECT c.oid, n.nspname, c.relname
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE c.relkind OPERATOR(pg_catalog.=) 'S' AND n.nspname OPERATOR(pg_catalog.=) ${quoteLiteral(schema)}::pg_catalog.name AND ${wanted}
  LOOP
    BEGIN
      EXECUTE pg_catalog.format('SELECT last_value, is_called FROM %I.%I', sequence.nspname, sequence.relname) INTO last, called;
      EXECUTE pg_catalog.format('ALTER SEQUENCE %I.%I RESTART', sequence.nspname, sequence.relname);
      PERFORM pg_catalog.setval(sequence.oid::pg_catalog.regclass, last, called);
    EXCEPTION WHEN insufficient_privilege THEN
      NULL;
    END;
  END LOOP;
END $shield$`);
}

function mayUseSequences({ mode, statements }: CompiledMigration): boolean {
  return (
    mode === 'direct' ||
    statements.some(
      ({ sql, writes, watched, unparsed }) =>
        writes === true || watched === true || unparsed === true || /\b(?:nextval|setval)\b/i.test(sql),
    )
  );
}
