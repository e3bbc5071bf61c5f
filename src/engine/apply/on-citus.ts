import type { BatchItem } from '../../db/batch.js';
import { qualified } from '../../db/identifiers.js';
import { tenantLock } from '../../db/locks.js';
import type { ApplySettings, Plan, Segment } from '../types.js';
import { raise } from './raise.js';

/**
 * What a transaction on Citus begins with. Locks of a distributed tenant are waited for on its node, so that node must know the limits:
 * `SET LOCAL` reaches it only while `citus.propagate_set_commands` says so, and `set_config` never does. What migrations set themselves
 * stays where it is.
 *
 * A schema that is made is a local one, whatever the database is set to, unless it is that of a tenant; see `schemaSharding`.
 */
export function citusSettings({ lockTimeoutMs, statementTimeoutMs }: ApplySettings): BatchItem[] {
  return [
    { text: `SET LOCAL citus.propagate_set_commands TO 'local'` },
    { text: `SET LOCAL lock_timeout TO ${lockTimeoutMs}` },
    { text: `SET LOCAL statement_timeout TO ${statementTimeoutMs}` },
    { text: `SET LOCAL citus.propagate_set_commands TO 'none'` },
    schemaSharding(false),
  ];
}

/** Whether schemas that are created from here on are distributed. */
export function schemaSharding(on: boolean): BatchItem {
  return { text: `SET LOCAL citus.enable_schema_based_sharding TO ${on ? 'on' : 'off'}` };
}

/**
 * The tenant's lock on its node, for the transaction: a statement that reads a table of one node runs there as a whole, with the lock.
 *
 * After a crash of the coordinator the node can still hold a prepared transaction, which keeps this lock until it is committed or rolled
 * back. What the migrations table says before that may be overtaken. It is a statement of its own, so that the guards after it read
 * with a later snapshot.
 */
export function nodeLockGuard(schema: string, migrationsTable: string): BatchItem {
  return {
    text: `SELECT CASE WHEN pg_catalog.pg_try_advisory_xact_lock($1::pg_catalog.int8) THEN 1 ELSE ${raise('busy')} END
      FROM (SELECT pg_catalog.count(*) FROM ${qualified(schema, migrationsTable)}) AS here`,
    values: [tenantLock(schema)],
  };
}

/** The schema alone. A role that is not a superuser cannot make a distributed schema and its tables in one transaction. */
const SCHEMA_FIRST: Segment = { transaction: true, migrations: [], schemaOnly: true };

const plansWithSchemaFirst = new WeakMap<Plan, Plan>();

/** The plan with a transaction for the schema in front; the same object for all tenants. */
export function withSchemaFirst(plan: Plan): Plan {
  const known = plansWithSchemaFirst.get(plan);
  if (known !== undefined) return known;
  const empty: Segment = { transaction: true, migrations: [] };
  const made = { ...plan, segments: [SCHEMA_FIRST, ...(plan.segments.length === 0 ? [empty] : plan.segments)] };
  plansWithSchemaFirst.set(plan, made);
  return made;
}
