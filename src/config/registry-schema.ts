import { z } from 'zod';

import { DOMAIN_COLUMNS, isOptionalColumn, type OptionalColumn, TENANT_COLUMNS } from '../registry/names.js';
import { identifier } from './fields.js';

const ACCEPTED = 'expected a table name, or an object with table and columns';

const tenantTable = z.strictObject({
  table: identifier().default('tenants'),
  columns: columns(TENANT_COLUMNS).prefault({}),
});

const domainTable = z.strictObject({
  table: identifier().default('domains'),
  columns: columns(DOMAIN_COLUMNS).prefault({}),
});

/** The registry's tables and columns: a name stands for a table whose columns have the usual names. */
export const registrySchema = z
  .strictObject({
    tenants: z
      .union([identifier().transform((table) => tenantTable.parse({ table })), tenantTable], { error: ACCEPTED })
      .prefault('tenants')
      .describe('Tenant table in the shared schema: its name, or name and columns.'),
    domains: z
      .union(
        [
          z.literal(false).transform(() => null),
          identifier().transform((table) => domainTable.parse({ table })),
          domainTable,
        ],
        { error: `${ACCEPTED}, or false` },
      )
      .prefault('domains')
      .describe(
        'Domain table in the shared schema: its name, or name and columns; `false` where tenants have no domains.',
      ),
    ignoreStatuses: z
      .array(z.string({ error: 'expected a status' }).min(1), { error: 'expected a list of statuses' })
      .default([])
      .describe('Rows with one of these statuses are left out of every fleet operation.'),
  })
  .refine(({ tenants, domains }) => tenants.table !== domains?.table, {
    path: ['domains'],
    error: 'is the same table as registry.tenants',
  });

type Name = ReturnType<typeof identifier>;

type ColumnSchemas<Usual> = {
  [Key in keyof Usual]: z.ZodDefault<Key extends OptionalColumn ? z.ZodNullable<Name> : Name>;
};

/** A schema for the names of a table's columns, each with its usual name as the default. */
function columns<Usual extends Record<string, string>>(usual: Usual) {
  const shape = Object.entries(usual).map(([key, name]) => [
    key,
    isOptionalColumn(key) ? identifier().nullable().default(name) : identifier().default(name),
  ]);
  return z.strictObject(Object.fromEntries(shape) as ColumnSchemas<Usual>);
}
