import type { MigrationBuilder, Name } from 'node-pg-migrate';

import { quoteIdentifier } from '../../db/identifiers.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { bareName, currentTenant, isReversing, POLICY, type RowTable, tableName, tenantReference } from './settings.js';
import { protectTable } from './tenant-table.js';

/** The steps in their order; each but `fill` takes its locks for a moment only. */
export const STEPS = ['column', 'fill', 'validate', 'index', 'references', 'key', 'policy'] as const;

export type MakeStep = (typeof STEPS)[number];

export type MakeTenantTableOptions = {
  /**
   * The tenant of a row that is there already, as an SQL expression about the table's own columns. Needed by the step `fill`,
   * unless the column is filled in another way.
   */
  fill?: string;
  /** Columns of the primary key as it is. Default: `id`. */
  primaryKey?: string | string[];
  /** Name of the primary key as it is. Default: the table's name with `_pkey`. */
  primaryKeyName?: string;
  /** Unique constraints as they are, by name, with their columns. */
  unique?: Record<string, string[]>;
  /** Foreign keys to other tables of tenants as they are, by name; `to` is the table, whose primary key they refer to. */
  references?: Record<
    string,
    { columns: string | string[]; to: Name; toColumns?: string | string[]; onDelete?: string }
  >;
  /** The steps that this migration takes. Default: all of them. */
  steps?: readonly MakeStep[];
  /** Build the indexes without keeping writers out. The migration must run without a transaction: `pgm.noTransaction()`. */
  concurrently?: boolean;
};

type Conversion = MakeTenantTableOptions & { rows: RowTable; table: string; name: string; key: string[] };

/**
 * Makes a table that is there one that tenants share. In steps, so that a large table can be converted in several migrations.
 *
 * @throws TenantsError USAGE for a step that does not exist.
 */
export function makeTenantTable(
  pgm: MigrationBuilder,
  rows: RowTable,
  name: Name,
  options: MakeTenantTableOptions = {},
): void {
  if (isReversing(pgm))
    throw new Error('The down migration of makeTenantTable is undoTenantTable with the same options.');
  const conversion = conversionOf(rows, name, options);
  for (const step of stepsOf(options)) {
    if (step === 'policy') protectTable(pgm, rows, name);
    else for (const statement of STATEMENTS[step](conversion)) pgm.sql(statement);
  }
}

/** Takes back what `makeTenantTable` did with the same options. The tenants of the rows are forgotten with the column. */
export function undoTenantTable(
  pgm: MigrationBuilder,
  rows: RowTable,
  name: Name,
  options: MakeTenantTableOptions = {},
): void {
  const conversion = conversionOf(rows, name, options);
  for (const step of stepsOf(options).toReversed()) for (const statement of UNDO[step](conversion)) pgm.sql(statement);
}

function stepsOf({ steps = STEPS }: MakeTenantTableOptions): MakeStep[] {
  const unknown = steps.filter((step) => !STEPS.includes(step));
  if (unknown.length > 0) {
    throw new TenantsError('USAGE', `There is no step "${unknown.join('", "')}". The steps are ${STEPS.join(', ')}.`);
  }
  return STEPS.filter((step) => steps.includes(step));
}

function conversionOf(rows: RowTable, name: Name, options: MakeTenantTableOptions): Conversion {
  const { primaryKey = 'id' } = options;
  return { ...options, rows, table: tableName(name), name: bareName(name), key: [primaryKey].flat() };
}

const STATEMENTS: Readonly<Record<Exclude<MakeStep, 'policy'>, (conversion: Conversion) => string[]>> = {
  // Without a default the table is not written; NOT VALID looks at new rows only.
  column: ({ rows, table, name }) => [
    `ALTER TABLE ${table} ADD COLUMN ${quoteIdentifier(rows.column)} ${rows.type};`,
    `ALTER TABLE ${table} ALTER COLUMN ${quoteIdentifier(rows.column)} SET DEFAULT ${currentTenant(rows)};`,
    `ALTER TABLE ${table}
       ADD CONSTRAINT ${tenantKey(rows, name)} FOREIGN KEY (${quoteIdentifier(rows.column)}) REFERENCES ${tenantReference(rows)} NOT VALID,
       ADD CONSTRAINT ${hasTenant(name)} CHECK (${quoteIdentifier(rows.column)} IS NOT NULL) NOT VALID;`,
  ],
  fill: ({ rows, table, fill }) =>
    fill === undefined
      ? []
      : [
          `UPDATE ${table} SET ${quoteIdentifier(rows.column)} = ${fill} WHERE ${quoteIdentifier(rows.column)} IS NULL;`,
        ],
  // To validate reads the table and lets others write. NOT NULL believes the validated check, and reads nothing.
  validate: ({ rows, table, name }) => [
    `ALTER TABLE ${table} VALIDATE CONSTRAINT ${tenantKey(rows, name)};`,
    `ALTER TABLE ${table} VALIDATE CONSTRAINT ${hasTenant(name)};`,
    `ALTER TABLE ${table} ALTER COLUMN ${quoteIdentifier(rows.column)} SET NOT NULL;`,
    `ALTER TABLE ${table} DROP CONSTRAINT ${hasTenant(name)};`,
  ],
  index: (conversion) => {
    const { rows, table, name, key, unique = {}, concurrently = false } = conversion;
    const create = `CREATE UNIQUE INDEX ${concurrently ? 'CONCURRENTLY ' : ''}`;
    const indexes = [
      [keyIndex(name), key] as const,
      ...Object.entries(unique).map(([one, columns]) => [quoteIdentifier(`${one}_tenant`), columns] as const),
    ];
    return indexes.map(([index, columns]) => `${create}${index} ON ${table} (${listOf([rows.column, ...columns])});`);
  },
  // The new key of the other table is there as an index, from its own step `index`.
  references: ({ rows, table, references = {} }) =>
    Object.entries(references).flatMap(([name, { columns, to, toColumns = 'id', onDelete }]) => {
      const temporary = quoteIdentifier(`${name}_tenant`);
      return [
        `ALTER TABLE ${table} ADD CONSTRAINT ${temporary} FOREIGN KEY (${listOf([rows.column, ...[columns].flat()])})
           REFERENCES ${tableName(to)} (${listOf([rows.column, ...[toColumns].flat()])})${onDelete === undefined ? '' : ` ON DELETE ${onDelete}`} NOT VALID;`,
        `ALTER TABLE ${table} VALIDATE CONSTRAINT ${temporary};`,
        `ALTER TABLE ${table} DROP CONSTRAINT ${quoteIdentifier(name)};`,
        `ALTER TABLE ${table} RENAME CONSTRAINT ${temporary} TO ${quoteIdentifier(name)};`,
      ];
    }),
  // Only the catalog is written: the indexes are there.
  key: ({ table, name, primaryKeyName = `${name}_pkey`, unique = {} }) => [
    `ALTER TABLE ${table} DROP CONSTRAINT ${quoteIdentifier(primaryKeyName)}, ADD CONSTRAINT ${quoteIdentifier(primaryKeyName)} PRIMARY KEY USING INDEX ${keyIndex(name)};`,
    ...Object.keys(unique).map(
      (one) =>
        `ALTER TABLE ${table} DROP CONSTRAINT ${quoteIdentifier(one)}, ADD CONSTRAINT ${quoteIdentifier(one)} UNIQUE USING INDEX ${quoteIdentifier(`${one}_tenant`)};`,
    ),
  ],
};

const UNDO: Readonly<Record<MakeStep, (conversion: Conversion) => string[]>> = {
  policy: ({ table }) => [
    `DROP POLICY ${quoteIdentifier(POLICY)} ON ${table};`,
    `ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;`,
  ],
  // A foreign key may refer to the key, which stays as an index until those are undone.
  key: ({ rows, table, name, key, primaryKeyName = `${name}_pkey`, unique = {} }) => [
    `CREATE UNIQUE INDEX ${keyIndex(name)} ON ${table} (${listOf([rows.column, ...key])});`,
    `ALTER TABLE ${table} DROP CONSTRAINT ${quoteIdentifier(primaryKeyName)} CASCADE, ADD CONSTRAINT ${quoteIdentifier(primaryKeyName)} PRIMARY KEY (${listOf(key)});`,
    ...Object.entries(unique).flatMap(([one, columns]) => [
      `ALTER TABLE ${table} DROP CONSTRAINT ${quoteIdentifier(one)}, ADD CONSTRAINT ${quoteIdentifier(one)} UNIQUE (${listOf(columns)});`,
      `CREATE UNIQUE INDEX ${quoteIdentifier(`${one}_tenant`)} ON ${table} (${listOf([rows.column, ...columns])});`,
    ]),
  ],
  references: ({ table, references = {} }) =>
    Object.entries(references).flatMap(([name, { columns, to, toColumns = 'id', onDelete }]) => [
      `ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS ${quoteIdentifier(name)};`,
      `ALTER TABLE ${table} ADD CONSTRAINT ${quoteIdentifier(name)} FOREIGN KEY (${listOf([columns].flat())})
         REFERENCES ${tableName(to)} (${listOf([toColumns].flat())})${onDelete === undefined ? '' : ` ON DELETE ${onDelete}`};`,
    ]),
  index: ({ table, name, unique = {} }) =>
    [keyIndex(name), ...Object.keys(unique).map((one) => quoteIdentifier(`${one}_tenant`))].map(
      (index) => `DROP INDEX ${schemaOf(table)}${index};`,
    ),
  validate: () => [],
  fill: () => [],
  column: ({ rows, table }) => [`ALTER TABLE ${table} DROP COLUMN ${quoteIdentifier(rows.column)};`],
};

function tenantKey(rows: RowTable, name: string): string {
  return quoteIdentifier(`${name}_${rows.column}_fkey`);
}

function hasTenant(name: string): string {
  return quoteIdentifier(`${name}_has_tenant`);
}

function keyIndex(name: string): string {
  return quoteIdentifier(`${name}_tenant_key`);
}

/** An index is in its table's schema. */
function schemaOf(table: string): string {
  const dot = table.lastIndexOf('"."');
  return dot === -1 ? '' : `${table.slice(0, dot + 1)}.`;
}

function listOf(columns: readonly string[]): string {
  return columns.map((name) => quoteIdentifier(name)).join(', ');
}
