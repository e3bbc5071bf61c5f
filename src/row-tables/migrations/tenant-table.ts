import type {
  ColumnDefinition,
  ConstraintOptions,
  ForeignKeyOptions,
  MigrationBuilder,
  Name,
  TableOptions,
} from 'node-pg-migrate';

import { quoteIdentifier } from '../../db/identifiers.js';
import { TenantsError } from '../../errors/tenants-error.js';
import {
  bareName,
  isReversing,
  isTenants,
  list,
  POLICY,
  type RowTable,
  currentTenant,
  tenantReference,
} from './settings.js';

/**
 * A column as node-pg-migrate defines it. `primaryKey`, `unique` and `references` are about the rows of one tenant: the column
 * for the tenant becomes part of them.
 */
export type TenantColumn = ColumnDefinition & {
  /** A table that all tenants share, such as a list of countries: the reference is left as it is. */
  referencesShared?: Name;
};

export type TenantColumns = { [name: string]: TenantColumn | string };

/**
 * Creates a table that tenants share, with the column for the tenant, a primary key, unique constraints and foreign keys that begin
 * with it, and a policy for all commands that holds for the owner, too. `dropTable` undoes it.
 *
 * @throws TenantsError USAGE for what would go around the policy.
 */
export function createTenantTable(
  pgm: MigrationBuilder,
  rows: RowTable,
  name: Name,
  columns: TenantColumns,
  options: TableOptions = {},
): void {
  assertPossible(name, options);
  const { definitions, constraints } = withTenant(rows, name, columns, options.constraints ?? {});
  pgm.createTable(name, definitions, { ...options, constraints });
  if (isReversing(pgm)) return;
  if (constraints.primaryKey === undefined) pgm.createIndex(name, rows.column);
  protectTable(pgm, rows, name);
}

/** Row-level security, for the owner as well, and the one policy. */
export function protectTable(pgm: MigrationBuilder, rows: RowTable, name: Name): void {
  pgm.alterTable(name, { levelSecurity: 'ENABLE' });
  pgm.alterTable(name, { levelSecurity: 'FORCE' });
  pgm.createPolicy(name, POLICY, { command: 'ALL', using: isTenants(rows), check: isTenants(rows) });
}

function assertPossible(name: Name, { inherits, like, temporary }: TableOptions): void {
  const problem =
    inherits !== undefined ? 'inherits' : like !== undefined ? 'like' : temporary === true ? 'temporary' : undefined;
  if (problem === undefined) return;
  throw new TenantsError('USAGE', `tenantTable cannot create "${bareName(name)}" with the option ${problem}.`, {
    suggestions: ['Write all columns and constraints out, so that the column for the tenant becomes part of its keys.'],
  });
}

function withTenant(
  rows: RowTable,
  table: Name,
  columns: TenantColumns,
  given: ConstraintOptions,
): { definitions: { [name: string]: ColumnDefinition }; constraints: ConstraintOptions } {
  const { column } = rows;
  const all = Object.entries(columns).map(([name, definition]) => [name, definitionOf(definition)] as const);
  if (Object.hasOwn(columns, column)) {
    throw new TenantsError('USAGE', `tenantTable adds the column "${column}" to "${bareName(table)}" itself.`);
  }
  const key = [
    ...all.flatMap(([name, { primaryKey }]) => (primaryKey === true ? [name] : [])),
    ...names(given.primaryKey),
  ];
  const single = all.flatMap(([name, { unique }]) => (unique === true ? [[name]] : []));
  const several = list(given.unique as string | (string | string[])[]);
  const sets = several.some((one) => Array.isArray(one))
    ? several.map((one) => list(one))
    : several.length > 0
      ? [several as string[]]
      : [];
  const foreignKeys = [
    ...all.flatMap(([name, definition]) => foreignKeyOf(rows, name, definition)),
    ...list(given.foreignKeys).map((one) => composite(rows, one)),
  ];
  const unique = [...single, ...sets].map((set) => [column, ...set.filter((name) => name !== column)]);
  return {
    definitions: {
      [column]: {
        type: rows.type,
        notNull: true,
        default: { literal: true, value: currentTenant(rows), toString: () => currentTenant(rows) },
        // It begins with a quotation mark, so node-pg-migrate leaves it as it is.
        references: tenantReference(rows),
      } as ColumnDefinition,
      ...Object.fromEntries(all.map(([name, definition]) => [name, bare(definition)])),
    },
    constraints: {
      ...given,
      ...(key.length === 0 ? {} : { primaryKey: [column, ...key.filter((name) => name !== column)] }),
      ...(unique.length === 0 ? {} : { unique }),
      ...(foreignKeys.length === 0 ? {} : { foreignKeys }),
    },
  };
}

/** node-pg-migrate's own shorthand: `id` is a serial primary key. */
function definitionOf(definition: TenantColumn | string): TenantColumn {
  const own = typeof definition === 'string' ? { type: definition } : definition;
  return own.type === 'id' ? { ...own, type: 'serial', primaryKey: true } : own;
}

/** What a column is without the constraints that get the tenant's column. */
function bare(definition: TenantColumn): ColumnDefinition {
  const { primaryKey, unique: _unique, references: _references, referencesShared, ...rest } = definition;
  if (referencesShared !== undefined) return { ...rest, references: referencesShared };
  const {
    onDelete: _d,
    onUpdate: _u,
    match: _m,
    referencesConstraintName: _n,
    referencesConstraintComment: _c,
    ...plain
  } = rest;
  return primaryKey === true ? { ...plain, notNull: true } : plain;
}

function foreignKeyOf(rows: RowTable, name: string, definition: TenantColumn): ForeignKeyOptions[] {
  const { references, onDelete, onUpdate, match, referencesConstraintName, referencesConstraintComment } = definition;
  if (references === undefined) return [];
  return [
    composite(rows, {
      columns: [name],
      references,
      ...(onDelete === undefined ? {} : { onDelete }),
      ...(onUpdate === undefined ? {} : { onUpdate }),
      ...(match === undefined ? {} : { match }),
      ...(referencesConstraintName === undefined ? {} : { referencesConstraintName }),
      ...(referencesConstraintComment === undefined ? {} : { referencesConstraintComment }),
    }),
  ];
}

/** The same for two tables whose keys begin with the tenant's column. */
function composite(rows: RowTable, key: ForeignKeyOptions): ForeignKeyOptions {
  const { column } = rows;
  const own = names(key.columns).filter((name) => name !== column);
  const { onDelete } = key;
  const keeps = onDelete === 'SET NULL' || onDelete === 'SET DEFAULT';
  return {
    ...key,
    columns: [column, ...own],
    references: compositeReference(column, key.references),
    // Without the list, the tenant's column would be set, too. PostgreSQL 15 and newer.
    ...(keeps
      ? {
          onDelete:
            `${onDelete} (${own.map((name) => quoteIdentifier(name)).join(', ')})` as ForeignKeyOptions['onDelete'],
        }
      : {}),
  } as ForeignKeyOptions;
}

const WITH_COLUMNS = /^(?<table>[^()]+)\((?<columns>[^()]+)\)\s*$/;

/** `customers` is its primary key, which begins with the column; `customers(code)` becomes `customers(tenant_id, code)`. */
function compositeReference(column: string, references: Name): Name {
  if (typeof references !== 'string') return references;
  const { table, columns } = WITH_COLUMNS.exec(references)?.groups ?? {};
  if (table === undefined || columns === undefined) return references;
  const quoted = quoteIdentifier(column);
  const others = columns.split(',').map((name) => name.trim());
  const kept = others.filter((name) => name !== column && name !== quoted);
  return `${table.trim()} (${[quoted, ...kept].join(', ')})`;
}

function names(value: Name | readonly Name[] | undefined): string[] {
  return list(value as string | readonly string[] | undefined);
}
