import type { Pool } from 'pg';

import { qualified, quoteIdentifier } from '../db/identifiers.js';
import { type DomainTable, type RegistryShape, STATUS } from '../registry/names.js';
import { withoutWww } from './host-name.js';
import type { Tenant } from './types.js';

/**
 * The registry as the resolver asks it. Names are qualified, those of operators too: the session's search path is the
 * application's, and others may create in a schema of it.
 */
export type RegistryQueries = {
  byHost(host: string): Promise<Tenant | null>;
  bySchema(schemaName: string): Promise<Tenant | null>;
  /** All tenants that may be served but the public one, ordered by schema name. */
  all(): Promise<Tenant[]>;
};

const EQUALS = 'OPERATOR(pg_catalog.=)';

/** Makes the three questions from the registry's names. Each is one statement on a client of the pool. */
export function registryQueries(pool: Pool, shape: RegistryShape): RegistryQueries {
  const { tenants, domains } = shape;
  const tenantTable = qualified(shape.schema, tenants.table);
  const schemaName = `t.${quoteIdentifier(tenants.columns.schemaName)}`;
  const served = servedCondition(shape);
  const byHost = domains === null ? undefined : hostQuery(shape, domains, served);
  const bySchema = `SELECT t.* FROM ${tenantTable} t WHERE ${schemaName} ${EQUALS} $1 AND ${served}`;
  const all = `SELECT t.* FROM ${tenantTable} t WHERE ${schemaName}::pg_catalog.text OPERATOR(pg_catalog.<>) $1 AND ${served} ORDER BY ${schemaName}`;

  const ask = async (sql: string, values: string[]): Promise<Tenant[]> => {
    const { rows } = await pool.query<Record<string, unknown>>(sql, values);
    return rows.map((row) => toTenant(row, shape));
  };
  return {
    byHost: async (host) =>
      byHost === undefined ? null : ((await ask(byHost, [host, withoutWww(host) ?? host]))[0] ?? null),
    bySchema: async (name) => (await ask(bySchema, [name]))[0] ?? null,
    all: () => ask(all, [shape.schema]),
  };
}

/** The status is looked at last: `www.` of a tenant that is being deleted must not lead to whoever has the rest. */
function hostQuery({ schema, tenants }: RegistryShape, { table, columns }: DomainTable, served: string): string {
  const domain = `d.${quoteIdentifier(columns.domain)}`;
  return `SELECT t.* FROM (
      SELECT t.* FROM ${qualified(schema, table)} d
        JOIN ${qualified(schema, tenants.table)} t ON t.${quoteIdentifier(tenants.columns.id)} ${EQUALS} d.${quoteIdentifier(columns.tenantId)}
       WHERE ${domain} ${EQUALS} $1 OR ${domain} ${EQUALS} $2 ORDER BY ${domain} ${EQUALS} $1 DESC LIMIT 1) t WHERE ${served}`;
}

function servedCondition({ tenants: { columns } }: RegistryShape): string {
  if (columns.status === null) return 'true';
  return `coalesce(t.${quoteIdentifier(columns.status)}::pg_catalog.text, '${STATUS.active}') OPERATOR(pg_catalog.<>) ALL (ARRAY['${STATUS.provisioning}', '${STATUS.deleting}'])`;
}

function toTenant(row: Record<string, unknown>, { tenants: { columns } }: RegistryShape): Tenant {
  const mapped = new Set<string | null>(Object.values(columns));
  const own = Object.entries(row).filter(([column]) => !mapped.has(column));
  const read = (column: string | null): unknown => (column === null ? null : (row[column] ?? null));
  const tenant = {
    ...Object.fromEntries(own.map(([column, value]) => [camelCase(column), value])),
    id: read(columns.id),
    schemaName: String(row[columns.schemaName]),
    name: read(columns.name),
    type: read(columns.type),
    status: read(columns.status) ?? STATUS.active,
    createdAt: read(columns.createdAt),
  };
  return Object.freeze(tenant) as Tenant;
}

/** How a column of the tenant table is called in a tenant. */
export function camelCase(column: string): string {
  return column.replaceAll(/_+([a-z0-9])/gi, (match, letter: string, offset: number) =>
    offset === 0 ? match : letter.toUpperCase(),
  );
}
