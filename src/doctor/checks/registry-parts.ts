import type { Client } from 'pg';

import { qualified, quoteIdentifier } from '../../db/identifiers.js';
import { NOTIFY_FUNCTION, REGISTRY_INDEXES, registryNotification } from '../../registry/migration-template.js';
import type { DomainTable, RegistryShape, TenantTable } from '../../registry/names.js';

/** A trigger of the registry; without `problem` it is as the template creates it. */
export type TriggerState = { table: string; problem?: 'missing' | 'disabled' | 'altered' };

/** Triggers and constraints of the registry's tables. */
export type RegistryParts = {
  /** Created by the migration that `init` writes: at least one object with a name from its template exists. */
  fromTemplate: boolean;
  functionExists: boolean;
  triggers: TriggerState[];
  lacking: Lacking[];
};

/** A missing constraint; `statement` adds it. */
export type Lacking = { what: string; statement: (shape: RegistryShape) => string };

/** Reads triggers, indexes and the foreign key of the registry's tables from the catalog, in three queries. */
export async function readRegistryParts(client: Client, shape: RegistryShape): Promise<RegistryParts> {
  const { rows } = await client.query<{ functionExists: boolean; indexes: number }>(
    `SELECT EXISTS (SELECT FROM pg_proc WHERE proname = $2 AND pronamespace = n.oid) AS "functionExists",
            (SELECT count(*)::int FROM pg_class WHERE relnamespace = n.oid AND relname = ANY ($3::text[]) AND relkind = 'i') AS indexes
       FROM pg_namespace n WHERE n.nspname = $1`,
    [shape.schema, NOTIFY_FUNCTION, Object.values(REGISTRY_INDEXES)],
  );
  const { functionExists = false, indexes = 0 } = rows[0] ?? {};
  const triggers = await readTriggers(client, shape);
  const anyTrigger = triggers.some(({ problem }) => problem !== 'missing');
  return {
    fromTemplate: functionExists || indexes > 0 || anyTrigger,
    functionExists,
    triggers,
    lacking: await readLacking(client, shape),
  };
}

/** `pg_trigger.tgtype`: an AFTER trigger for each row (1), on INSERT (4), DELETE (8) and UPDATE (16). */
const TRIGGER_TYPE = 1 + 4 + 8 + 16;

async function readTriggers(client: Client, shape: RegistryShape): Promise<TriggerState[]> {
  const { triggers } = registryNotification(shape);
  const { rows } = await client.query<{ table: string; enabled: boolean; intact: boolean }>(
    `SELECT w.table, t.tgenabled IN ('O', 'A') AS enabled,
            t.tgtype = $5 AND p.proname = $6 AND p.pronamespace = c.relnamespace AND t.tgqual IS NULL
              AND t.tgargs = convert_to(w.word, e.name) || '\\x00'::bytea || convert_to(w.key, e.name) || '\\x00'::bytea AS intact
       FROM unnest($2::text[], $3::text[], $4::text[]) AS w ("table", word, key)
       CROSS JOIN (SELECT getdatabaseencoding() AS name) AS e
       JOIN pg_class c ON c.relname = w.table AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)
       JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname = $6
       JOIN pg_proc p ON p.oid = t.tgfoid`,
    [
      shape.schema,
      triggers.map(({ table }) => table),
      triggers.map(({ word }) => word),
      triggers.map(({ column }) => column),
      TRIGGER_TYPE,
      NOTIFY_FUNCTION,
    ],
  );
  return triggers.map(({ table }) => {
    const found = rows.find((row) => row.table === table);
    if (found === undefined) return { table, problem: 'missing' };
    if (!found.intact) return { table, problem: 'altered' };
    return found.enabled ? { table } : { table, problem: 'disabled' };
  });
}

type Facts = {
  uniques: { table: string; columns: string[]; partial: boolean }[];
  foreignKey: boolean;
};

async function readLacking(client: Client, shape: RegistryShape): Promise<Lacking[]> {
  const { tenants, domains } = shape;
  const { rows } = await client.query<Facts>(
    `WITH tables AS (
       SELECT oid, relname::text AS name FROM pg_class
        WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND relname IN ($2, $3)
     )
     SELECT coalesce((SELECT json_agg(json_build_object('table', t.name, 'partial', i.indpred IS NOT NULL, 'columns', ARRAY(
                SELECT a.attname FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (number, position)
                  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
                 WHERE k.position <= i.indnkeyatts ORDER BY k.position)))
              FROM pg_index i JOIN tables t ON t.oid = i.indrelid
             WHERE i.indisunique AND i.indisvalid), '[]') AS uniques,
            EXISTS (SELECT FROM pg_constraint c
               JOIN tables d ON d.oid = c.conrelid AND d.name = $3
               JOIN tables t ON t.oid = c.confrelid AND t.name = $2
               JOIN pg_attribute a ON a.attrelid = d.oid AND a.attname = $4
              WHERE c.contype = 'f' AND c.convalidated AND c.conkey = ARRAY[a.attnum]
                AND NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgconstraint = c.oid AND g.tgenabled = 'D')) AS "foreignKey"`,
    [shape.schema, tenants.table, domains?.table ?? null, domains?.columns.tenantId ?? null],
  );
  const { uniques = [], foreignKey = false } = rows[0] ?? {};
  const isUnique = (table: string, column: string, partial = false): boolean =>
    uniques.some((one) => one.table === table && one.partial === partial && one.columns.join() === column);
  const { schemaName } = tenants.columns;
  const ofTenants = isUnique(tenants.table, schemaName) ? [] : [unique(tenants.table, schemaName)];
  if (domains === null) return ofTenants;
  const { domain, tenantId, isPrimary } = domains.columns;
  return [
    ...ofTenants,
    ...(isUnique(domains.table, domain) ? [] : [unique(domains.table, domain)]),
    ...(foreignKey ? [] : [missingForeignKey(tenants, domains)]),
    ...(isPrimary === null || isUnique(domains.table, tenantId, true) ? [] : [missingPrimary(domains, isPrimary)]),
  ];
}

function unique(table: string, column: string): Lacking {
  return {
    what: `"${table}"."${column}" is not unique`,
    statement: ({ schema }) => `ALTER TABLE ${qualified(schema, table)} ADD UNIQUE (${quoteIdentifier(column)})`,
  };
}

function missingForeignKey(tenants: TenantTable, domains: DomainTable): Lacking {
  const { tenantId } = domains.columns;
  return {
    what: `"${domains.table}"."${tenantId}" has no enforced foreign key`,
    statement: ({ schema }) =>
      `ALTER TABLE ${qualified(schema, domains.table)} ADD FOREIGN KEY (${quoteIdentifier(tenantId)}) ` +
      `REFERENCES ${qualified(schema, tenants.table)} (${quoteIdentifier(tenants.columns.id)}) ON DELETE CASCADE`,
  };
}

function missingPrimary(domains: DomainTable, isPrimary: string): Lacking {
  const { tenantId } = domains.columns;
  return {
    what: `a tenant may have several primary domains`,
    statement: ({ schema }) =>
      `CREATE UNIQUE INDEX ${REGISTRY_INDEXES.onePrimary} ON ${qualified(schema, domains.table)} ` +
      `(${quoteIdentifier(tenantId)}) WHERE ${quoteIdentifier(isPrimary)}`,
  };
}
