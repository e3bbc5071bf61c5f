import type { Client } from 'pg';

import { TenantsError } from '../../errors/tenants-error.js';
import type { DirectRules } from '../sql/rules/direct-sql.js';
import type { ApplySettings, CompiledMigration, Plan } from '../types.js';

/** What becomes of a migration that changes what is outside the schema in which it runs. */
export function fallThroughOf(
  migration: CompiledMigration,
  plan: Plan,
  settings: ApplySettings,
): DirectRules['fallThrough'] {
  return plan.scope.kind === 'shared' || migration.allowFallThrough ? 'off' : settings.fallThrough;
}

/**
 * The second half of the fall-through check, for transactions whose statements were not known beforehand: which objects
 * outside the tenant's schema hold a lock that only a change of their definition takes.
 *
 * Tables that a foreign key of the tenant references, or referenced when the transaction began, do not count: adding or
 * dropping such a key locks them strongly. Neither do parents of the tenant's tables, in the lock that inheriting takes.
 *
 * Both look-ups may run under a search path of the tenant's: their names are qualified.
 */
export async function referencedTables(client: Client, schema: string): Promise<string[]> {
  const { rows } = await client.query<{ oid: string }>(
    `SELECT DISTINCT c.confrelid::pg_catalog.text AS oid
       FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.connamespace
      WHERE c.contype OPERATOR(pg_catalog.=) 'f' AND n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.text`,
    [schema],
  );
  return rows.map(({ oid }) => oid);
}

/**
 * Objects outside the schema that this transaction has locked as only a change of their definition does.
 *
 * @param before what `referencedTables` answered at the beginning.
 */
export async function changedOutside(client: Client, schema: string, before: readonly string[]): Promise<string[]> {
  const referenced = [...before, ...(await referencedTables(client, schema))];
  const { rows } = await client.query<{ name: string }>(
    `SELECT DISTINCT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
       FROM pg_catalog.pg_locks l
       JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) l.relation
       JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
       JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.database
      WHERE l.locktype OPERATOR(pg_catalog.=) 'relation' AND l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND l.granted
        AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
        AND l.mode OPERATOR(pg_catalog.=) ANY (ARRAY['ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'])
        AND n.nspname OPERATOR(pg_catalog.<>) $1::pg_catalog.text AND NOT pg_catalog.starts_with(n.nspname::pg_catalog.text, 'pg_')
        AND c.oid OPERATOR(pg_catalog.<>) ALL ($2::pg_catalog.oid[])
        AND NOT (l.mode OPERATOR(pg_catalog.=) 'ShareUpdateExclusiveLock' AND EXISTS (
          SELECT FROM pg_catalog.pg_inherits i
            JOIN pg_catalog.pg_class child ON child.oid OPERATOR(pg_catalog.=) i.inhrelid
            JOIN pg_catalog.pg_namespace own ON own.oid OPERATOR(pg_catalog.=) child.relnamespace
           WHERE i.inhparent OPERATOR(pg_catalog.=) c.oid AND own.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.text))
      ORDER BY 1`,
    [schema, referenced],
  );
  return rows.map(({ name }) => name);
}

/** The error for objects that a migration was about to change, or has changed, outside the tenant's schema. */
export function fallThroughError(schema: string, names: readonly string[], migration?: string): TenantsError {
  const list = names.join(', ');
  const what = migration === undefined ? 'The migration' : `Migration ${migration}`;
  return new TenantsError(
    'MIGRATION_FAILED',
    `${what} changes ${list} outside the schema "${schema}". A migration of a tenant may only change objects of the tenant itself.`,
    {
      tenant: schema,
      ...(migration === undefined ? {} : { migration }),
      suggestions: [
        'Find out why the tenant lacks an object of this name. What the shared schema holds is changed by its own migrations.',
        'The comment "-- tenants: allow-fall-through" in the file, or fallThrough in the configuration, lifts this check.',
      ],
    },
  );
}
