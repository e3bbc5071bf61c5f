/**
 * `SET CONSTRAINTS ALL IMMEDIATE` checks a migration's rows at its own end and lasts until the end of the transaction; a
 * later migration that relies on a constraint being deferred from the start gets that back. It runs under the tenant's path.
 */
export const RESTORE_DEFERRED = {
  role: 'constraints',
  text: `DO $restore$
DECLARE names pg_catalog.text;
BEGIN
  SELECT pg_catalog.string_agg(pg_catalog.format('%I.%I', n.nspname, c.conname), ', ') INTO names
    FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.connamespace
   WHERE c.condeferred AND n.nspname OPERATOR(pg_catalog.=) pg_catalog.current_schema();
  IF names IS NOT NULL THEN EXECUTE pg_catalog.format('SET CONSTRAINTS %s DEFERRED', names); END IF;
END $restore$`,
} as const;
