import type { MigrationBuilder, Name } from 'node-pg-migrate';

import { quoteIdentifier, quoteLiteral } from '../../db/identifiers.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { ROWS, SETTING_FORM } from '../../registry/names.js';

/** How tenants share tables, as the setting `rows` of the configuration has it. */
export type RowTableSettings = {
  /** Column that says whose a row is. Default: `tenant_id`. */
  column?: string;
  /** Column of the tenant table that it refers to. Default: its primary key. */
  key?: string;
  /** Type of both. Default: `bigint`. */
  type?: string;
  /** Setting that says which tenant a transaction is about. Default: `app.tenant_id`. */
  setting?: string;
  /** The tenant table. Default: `tenants`. */
  tenants?: string | { schema?: string; name: string };
};

/** The settings with their defaults. */
export type RowTable = Required<Omit<RowTableSettings, 'key'>> & { key: string | undefined };

/** The name of the policy that `tenantTable` creates. */
export const POLICY = 'tenant_rows';

/** @throws TenantsError CONFIG_INVALID for a setting that an application cannot make. */
export function withDefaults(settings: RowTableSettings): RowTable {
  const { column = ROWS.column, key, type = 'bigint', setting = ROWS.setting, tenants = 'tenants' } = settings;
  if (!SETTING_FORM.test(setting)) {
    throw new TenantsError(
      'CONFIG_INVALID',
      `"${setting}" is not the name of a setting with a dot, such as app.tenant_id.`,
    );
  }
  return { column, key, type, setting, tenants };
}

/** The tenant of the transaction, as an SQL expression; NULL where there is none. */
export function currentTenant({ setting, type }: RowTable): string {
  return `nullif(current_setting(${quoteLiteral(setting)}, true), '')::${type}`;
}

/** Whether a row is the tenant's, as an SQL expression. */
export function isTenants(rows: RowTable): string {
  return `${quoteIdentifier(rows.column)} = ${currentTenant(rows)}`;
}

/** What `REFERENCES` says of the tenant table. */
export function tenantReference({ tenants, key }: RowTable): string {
  return key === undefined ? tableName(tenants) : `${tableName(tenants)} (${quoteIdentifier(key)})`;
}

/** A table's name for SQL. */
export function tableName(name: Name): string {
  if (typeof name === 'string') return quoteIdentifier(name);
  if (!('name' in name))
    throw new TenantsError('USAGE', 'The name of a table is a text, or an object with schema and name.');
  const { schema } = name;
  return schema === undefined ? quoteIdentifier(name.name) : `${quoteIdentifier(schema)}.${quoteIdentifier(name.name)}`;
}

/** The name of a table without its schema. */
export function bareName(name: Name): string {
  if (typeof name === 'string') return name;
  if ('name' in name) return name.name;
  throw new TenantsError('USAGE', 'The name of a table is a text, or an object with schema and name.');
}

/**
 * Whether node-pg-migrate is deriving the down migration: then each call stands for its opposite, and those that have none are
 * refused. It says so in a field that its types leave out (version 9, `MigrationBuilder`).
 */
export function isReversing(pgm: MigrationBuilder): boolean {
  return Reflect.get(pgm, '_REVERSE_MODE') === true;
}

export function list<T>(value: T | readonly T[] | undefined): T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? [...(value as readonly T[])] : [value as T];
}
