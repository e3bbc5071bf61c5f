import type { MigrationBuilder, Name, TableOptions } from 'node-pg-migrate';

import { quoteLiteral } from '../../db/identifiers.js';
import { makeTenantTable as make, type MakeTenantTableOptions, undoTenantTable as undo } from './make-tenant-table.js';
import { isReversing, type RowTableSettings, tableName, withDefaults } from './settings.js';
import { createTenantTable, type TenantColumns } from './tenant-table.js';

/** Functions for node-pg-migrate's migrations of the shared schema. */
export type RowTables = {
  /**
   * Creates a table that tenants share. `primaryKey`, `unique` and `references` of its columns, and the constraints of `options`,
   * are about the rows of one tenant: they begin with the column for the tenant, which is added. `pgm.dropTable` undoes it, and
   * node-pg-migrate derives that when the migration has no `down`.
   */
  tenantTable(pgm: MigrationBuilder, name: Name, columns: TenantColumns, options?: TableOptions): void;
  /** Makes a table that is there one that tenants share, all at once or in the steps that are named. */
  makeTenantTable(pgm: MigrationBuilder, name: Name, options?: MakeTenantTableOptions): void;
  /** Takes back what `makeTenantTable` did with the same options. */
  undoTenantTable(pgm: MigrationBuilder, name: Name, options?: MakeTenantTableOptions): void;
  /**
   * Says that all tenants share the rows of a table, such as a list of countries. Where Citus is installed, every node gets a copy;
   * elsewhere this does nothing.
   */
  referenceTable(pgm: MigrationBuilder, name: Name): void;
};

/**
 * The functions for a project whose setting `rows` is not the usual one, or whose keys are not `bigint`.
 *
 * @example
 * const { tenantTable } = rowTables({ column: 'org_id', type: 'uuid', setting: 'app.org_id' });
 *
 * @throws TenantsError CONFIG_INVALID for a setting that an application cannot make.
 */
export function rowTables(settings: RowTableSettings = {}): RowTables {
  const rows = withDefaults(settings);
  return {
    tenantTable: (pgm, name, columns, options) => createTenantTable(pgm, rows, name, columns, options),
    makeTenantTable: (pgm, name, options) => make(pgm, rows, name, options),
    undoTenantTable: (pgm, name, options) => undo(pgm, rows, name, options),
    referenceTable: (pgm, name) => {
      // Dropping the table, which comes next on the way back, needs nothing before it.
      if (isReversing(pgm)) return;
      pgm.sql(`DO $tenants$ BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus') THEN
    EXECUTE 'SELECT create_reference_table(' || quote_literal(${quoteLiteral(tableName(name))}) || ')';
  END IF;
END $tenants$;`);
    },
  };
}

export const { tenantTable, makeTenantTable, undoTenantTable, referenceTable } = rowTables();
