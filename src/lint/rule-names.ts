/**
 * The rules of `lint`, each with its usual level and what it finds, in the order of docs/lint.md. Imports nothing, so that the
 * configuration can use it.
 *
 * @module
 */

/** What becomes of the findings of a rule. */
export type LintLevel = 'error' | 'warning' | 'off';

export const LINT_LEVELS = ['error', 'warning', 'off'] as const satisfies readonly LintLevel[];

export const LINT_RULES = {
  'add-column-not-null': { level: 'error', finds: 'A NOT NULL column without a default' },
  'add-column-rewrite': { level: 'error', finds: 'A new column that rewrites the table' },
  'change-column-type': { level: 'error', finds: 'A column type that changes' },
  'set-not-null': { level: 'error', finds: 'SET NOT NULL without a validated check' },
  'add-foreign-key': { level: 'error', finds: 'A foreign key without NOT VALID' },
  'add-check': { level: 'error', finds: 'A check without NOT VALID' },
  'validate-in-same-transaction': { level: 'error', finds: 'A constraint validated in the transaction that adds it' },
  'add-unique': { level: 'error', finds: 'A unique constraint or primary key that builds its index' },
  'create-index-without-concurrently': { level: 'error', finds: 'An index built while writes wait' },
  'drop-index-without-concurrently': { level: 'warning', finds: 'An index dropped while everything waits' },
  'reindex-without-concurrently': { level: 'error', finds: 'An index rebuilt while writes wait' },
  'refresh-without-concurrently': { level: 'warning', finds: 'A materialized view refreshed while reads wait' },
  'rewrite-table': { level: 'error', finds: 'VACUUM FULL, CLUSTER and other rewrites' },
  'lock-table': { level: 'error', finds: 'LOCK TABLE' },
  'disable-trigger': { level: 'error', finds: 'Triggers that are turned off' },
  'many-exclusive-locks': { level: 'warning', finds: 'Exclusive locks on several tables in one transaction' },
  'full-table-change': { level: 'warning', finds: 'All rows changed in the transaction of a change of definitions' },
  'drop-column': { level: 'warning', finds: 'A column that running code may still use' },
  'drop-table': { level: 'warning', finds: 'A table that running code may still use' },
  'rename-column': { level: 'error', finds: 'A column that gets another name' },
  'rename-table': { level: 'error', finds: 'A table or view that gets another name' },
  'drop-cascade': { level: 'error', finds: 'DROP … CASCADE' },
  'truncate-cascade': { level: 'error', finds: 'TRUNCATE … CASCADE' },
  'char-type': { level: 'warning', finds: 'char(n)' },
  'varchar-length': { level: 'off', finds: 'varchar(n)' },
  'timestamp-without-time-zone': { level: 'warning', finds: 'timestamp without time zone' },
  'money-type': { level: 'warning', finds: 'money' },
  'serial-type': { level: 'off', finds: 'serial' },
  'json-type': { level: 'off', finds: 'json' },
  'outside-transaction': { level: 'error', finds: 'A statement that cannot run in a transaction' },
  'enum-value-in-same-transaction': { level: 'error', finds: 'A new enum value used in the transaction that adds it' },
  'other-schema': { level: 'error', finds: 'A tenant migration that reaches into another schema' },
  'shared-schema-name': { level: 'warning', finds: 'A tenant migration that names the shared schema' },
  'foreign-key-to-shared': { level: 'warning', finds: 'A foreign key of each tenant into the shared schema' },
  'first-tenant-only': { level: 'error', finds: 'Something that exists once, created by a tenant migration' },
  'search-path-from-current': { level: 'error', finds: "A function that keeps one tenant's search path" },
  'change-search-path': { level: 'warning', finds: 'A tenant migration that changes the search path' },
  'row-tables': { level: 'error', finds: 'A table that tenants share without what keeps their rows apart' },
  'empty-migration': { level: 'warning', finds: 'A migration without statements' },
  'down-loses-data': { level: 'warning', finds: 'A down migration that deletes older data' },
  'pre-after-post': { level: 'warning', finds: 'A new migration behind one that waits for the new code' },
  'missing-down': { level: 'off', finds: 'A migration that cannot be rolled back' },
  'cannot-be-run': { level: 'error', finds: 'A migration that migrate would refuse' },
  'lint-ignore': { level: 'error', finds: 'A lint-ignore comment without a reason or a known rule' },
} as const satisfies Record<string, { level: LintLevel; finds: string }>;

export type LintRule = keyof typeof LINT_RULES;

export const LINT_RULE_NAMES = Object.keys(LINT_RULES) as readonly LintRule[];

export function isLintRule(name: string): name is LintRule {
  return Object.hasOwn(LINT_RULES, name);
}

/** The levels that a configuration changes. */
export type LintLevels = Partial<Record<LintRule, LintLevel | undefined>>;
