import { z } from 'zod';

import { identifier } from './fields.js';

const ACCEPTED = 'expected a table name, or an object with table and columns';

const tenantTable = z.strictObject({
  table: identifier().default('tenants'),
  columns: z
    .strictObject({
      id: identifier().default('id'),
      schemaName: identifier().default('schema_name'),
      name: identifier().nullable().default('name'),
      type: identifier().nullable().default('type'),
      status: identifier().nullable().default('status'),
      createdAt: identifier().nullable().default('created_at'),
    })
    .prefault({}),
});

const domainTable = z.strictObject({
  table: identifier().default('domains'),
  columns: z
    .strictObject({
      id: identifier().default('id'),
      domain: identifier().default('domain'),
      tenantId: identifier().default('tenant_id'),
      isPrimary: identifier().nullable().default('is_primary'),
    })
    .prefault({}),
});

/** The registry's tables and columns: a name stands for a table whose columns have the usual names. */
export const registrySchema = z
  .strictObject({
    tenants: z
      .union([identifier().transform((table) => tenantTable.parse({ table })), tenantTable], { error: ACCEPTED })
      .prefault('tenants')
      .describe('Tenant table in the shared schema: its name, or name and columns.'),
    domains: z
      .union([identifier().transform((table) => domainTable.parse({ table })), domainTable], { error: ACCEPTED })
      .prefault('domains')
      .describe('Domain table in the shared schema: its name, or name and columns.'),
  })
  .refine(({ tenants, domains }) => tenants.table !== domains.table, {
    path: ['domains'],
    error: 'is the same table as registry.tenants',
  });
