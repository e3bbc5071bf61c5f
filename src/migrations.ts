/**
 * `pg-tenants/migrations`: the types that migrations in TypeScript need. They are node-pg-migrate's, which a project does not
 * have to install: pnpm and Yarn let it import its own dependencies only.
 */
export type { ColumnDefinition, ColumnDefinitions, MigrationBuilder, Name } from 'node-pg-migrate';

/** Tables that tenants share, in which each sees its own rows. */
export {
  makeTenantTable,
  referenceTable,
  type RowTables,
  rowTables,
  tenantTable,
  undoTenantTable,
} from './row-tables/migrations/row-tables.js';
export type { MakeStep, MakeTenantTableOptions } from './row-tables/migrations/make-tenant-table.js';
export type { RowTableSettings } from './row-tables/migrations/settings.js';
export type { TenantColumn, TenantColumns } from './row-tables/migrations/tenant-table.js';
