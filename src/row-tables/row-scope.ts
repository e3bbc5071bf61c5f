import type { Client } from 'pg';

import { qualified, quoteIdentifier } from '../db/identifiers.js';
import { UNPROTECTED_ADVICE, UNPROTECTED_TABLES, unprotectedText } from '../db/row-security.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import type { RegistryShape, RowsShape } from '../registry/names.js';

/** How the tenants that share tables are kept. Only for a project that has such tenants. */
export function requireRows({ rows }: RegistryShape): RowsShape {
  if (rows !== undefined) return rows;
  throw new Error('No type of tenant is kept as rows.');
}

/** The search path of a tenant that shares tables. */
export function pathOfRows({ registry, shared, tenants }: Project): string[] {
  return [...new Set([requireRows(registry).schema, shared.schema, ...tenants.extraSearchPath])];
}

/** An SQL expression: the value that the column has in the rows of a tenant, as text. `name` is an expression, too. */
export function keyExpression(shape: RegistryShape, name: string): string {
  const { table, columns } = shape.tenants;
  return `(SELECT t.${quoteIdentifier(requireRows(shape).key)}::pg_catalog.text FROM ${qualified(shape.schema, table)} t
            WHERE t.${quoteIdentifier(columns.schemaName)} OPERATOR(pg_catalog.=) ${name})`;
}

/**
 * The value that says which rows are a tenant's.
 *
 * @throws TenantsError UNKNOWN_TENANT, and USAGE for a tenant whose key is NULL.
 */
export async function readKey(client: Client, shape: RegistryShape, tenant: string): Promise<string> {
  const { key } = requireRows(shape);
  const { rows } = await client.query<{ key: string | null }>(`SELECT ${keyExpression(shape, '$1')} AS key`, [tenant]);
  const found = rows[0]?.key;
  if (typeof found === 'string' && found !== '') return found;
  throw new TenantsError(
    'USAGE',
    `The tenant "${tenant}" has no value in the column "${key}" of the tenant table, which its rows refer to.`,
    { tenant },
  );
}

/** Makes the transaction that is open one about this tenant: policies show its rows, and defaults fill its key in. */
export async function enterRows(client: Client, shape: RegistryShape, tenant: string): Promise<string> {
  const key = await readKey(client, shape, tenant);
  await client.query(`SELECT pg_catalog.set_config($1, $2, true), pg_catalog.set_config('row_security', 'on', true)`, [
    requireRows(shape).setting,
    key,
  ]);
  return key;
}

/**
 * Runs something in a read-only transaction in which the rows of one tenant are visible.
 *
 * @throws as `readKey`
 */
export async function withRows<T>(
  client: Client,
  shape: RegistryShape,
  tenant: string,
  work: (key: string) => Promise<T>,
): Promise<T> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    return await work(await enterRows(client, shape, tenant));
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}

/**
 * Refuses a database user for whom the policies do not hold: what is asked about one tenant would be answered about all.
 *
 * @throws TenantsError USAGE
 */
export async function assertProtected(client: Client, shape: RegistryShape, tenant: string): Promise<void> {
  const { schema, column } = requireRows(shape);
  const registry = [shape.tenants.table, ...(shape.domains === null ? [] : [shape.domains.table])];
  const { rows } = await client.query<{ name: string }>(UNPROTECTED_TABLES, [schema, column, shape.schema, registry]);
  if (rows.length === 0) return;
  const { rows: users } = await client.query<{ user: string }>('SELECT current_user::pg_catalog.text AS user');
  const text = unprotectedText(
    users[0]?.user ?? '',
    rows.map(({ name }) => name),
  );
  throw new TenantsError('USAGE', text, { tenant, suggestions: UNPROTECTED_ADVICE });
}
