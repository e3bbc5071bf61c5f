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
 */
export async function referencedTables(client: Client, schema: string): Promise<string[]> {
  const { rows } = await client.query<{ oid: string }>(
    `SELECT DISTINCT confrelid::text AS oid FROM pg_constraint
      WHERE contype = 'f' AND connamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1::text::name)`,
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
    `SELECT DISTINCT format('%I.%I', n.nspname, c.relname) AS name
       FROM pg_locks l
       JOIN pg_class c ON c.oid = l.relation
       JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE l.locktype = 'relation' AND l.pid = pg_backend_pid() AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
        AND n.nspname <> $1 AND n.nspname NOT LIKE 'pg\\_%' AND c.oid <> ALL ($2::oid[])
        AND NOT (l.mode = 'ShareUpdateExclusiveLock' AND EXISTS (
          SELECT FROM pg_inherits i JOIN pg_class child ON child.oid = i.inhrelid JOIN pg_namespace own ON own.oid = child.relnamespace
           WHERE i.inhparent = c.oid AND own.nspname = $1))
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
