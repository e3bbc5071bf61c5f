import type { BatchItem } from '../db/batch.js';
import { qualified, quoteIdentifier } from '../db/identifiers.js';
import { type RegistryShape, STATUS } from './names.js';

/** The statement that gives a tenant's row another schema name; its domains follow by the row's id. */
export function renameStatement(shape: RegistryShape, from: string, to: string): BatchItem {
  const column = quoteIdentifier(shape.tenants.columns.schemaName);
  return {
    text: `UPDATE ${tenantTable(shape)} SET ${column} = $2 WHERE ${column} OPERATOR(pg_catalog.=) $1`,
    values: [from, to],
  };
}

/**
 * The statement that makes a tenant `deleting`: unknown to the resolver and to every run. `undefined` where the registry
 * has no status column.
 */
export function markDeletingStatement(shape: RegistryShape, schema: string): BatchItem | undefined {
  const { status, schemaName } = shape.tenants.columns;
  if (status === null) return undefined;
  return {
    text: `UPDATE ${tenantTable(shape)} SET ${quoteIdentifier(status)} = '${STATUS.deleting}' WHERE ${quoteIdentifier(schemaName)} OPERATOR(pg_catalog.=) $1`,
    values: [schema],
  };
}

/** Takes all domains from a tenant; nothing where there are none. */
export function removeDomainsStatements(shape: RegistryShape, schema: string): BatchItem[] {
  if (shape.domains === null) return [];
  const { id, schemaName } = shape.tenants.columns;
  const { table, columns } = shape.domains;
  return [
    {
      text: `DELETE FROM ${qualified(shape.schema, table)} WHERE ${quoteIdentifier(columns.tenantId)} OPERATOR(pg_catalog.=) ANY
            (SELECT ${quoteIdentifier(id)} FROM ${tenantTable(shape)} WHERE ${quoteIdentifier(schemaName)} OPERATOR(pg_catalog.=) $1)`,
      values: [schema],
    },
  ];
}

/** Removes a tenant's row. The domains go first: an existing table need not cascade. */
export function removeTenantStatements(shape: RegistryShape, schema: string): BatchItem[] {
  return [
    ...removeDomainsStatements(shape, schema),
    {
      text: `DELETE FROM ${tenantTable(shape)} WHERE ${quoteIdentifier(shape.tenants.columns.schemaName)} OPERATOR(pg_catalog.=) $1`,
      values: [schema],
    },
  ];
}

/** Keeps a tenant's row from being changed by others until the transaction ends; foreign keys may still point at it. */
export function lockRowStatement(shape: RegistryShape, schema: string): BatchItem {
  return {
    text: `SELECT 1 FROM ${tenantTable(shape)} WHERE ${quoteIdentifier(shape.tenants.columns.schemaName)} OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE`,
    values: [schema],
  };
}

/** The same, and foreign keys may not point at it from now on: nothing can be added that refers to the tenant. */
export function lockRowForDeletion(shape: RegistryShape, schema: string): BatchItem {
  const { text, values = [] } = lockRowStatement(shape, schema);
  return { text: text.replace(/FOR NO KEY UPDATE$/, 'FOR UPDATE'), values };
}

function tenantTable(shape: RegistryShape): string {
  return qualified(shape.schema, shape.tenants.table);
}
