import { createdBy } from '../engine/sql/names/created.js';
import { isTenantsError } from '../errors/tenants-error.js';
import { withSession } from '../session/control-session.js';
import { rulesPage } from './docs-url.js';
import { lintSet, type PlacedHit } from './lint-set.js';
import { readMigrations } from './read/read-migrations.js';
import type { ReadMigration } from './read/types.js';
import { LINT_RULES, type LintLevel, type LintLevels, type LintRule } from './rule-names.js';
import type { LintScope } from './rules/subject.js';
import { lintSets } from './select/lint-sets.js';
import { describeEffect } from './sizes/describe-effect.js';
import { readSizes, type Sizes, type WantedTables } from './sizes/read-sizes.js';
import type { LintFinding, LintOptions, LintProject, LintReport, LintSet } from './types.js';

/**
 * Looks for what can go wrong in migration files. Needs no database; with one that can be reached, findings say how large the tables
 * are. Scripts are run without a database, as for a run.
 *
 * @throws TenantsError USAGE for a path that does not exist and for an unknown revision; MIGRATIONS_UNREADABLE.
 */
export async function lintMigrations(project: LintProject, options: LintOptions = {}): Promise<LintReport> {
  const report = await lintFiles(project, await lintSets(project, options));
  const { database } = project;
  if (options.sizes === false || database === undefined) return finish(report, undefined);
  try {
    const sizes = await withSession({ ...project, database }, 'lint', ({ client }) =>
      readSizes(client, project, report.tables),
    );
    return finish(report, sizes);
  } catch (error) {
    if (!isTenantsError(error)) throw error;
    return finish({ ...report, warnings: [`Sizes of tables are left out: ${error.message}`] }, undefined);
  }
}

/** Whether `lint` exits with 3. */
export function hasLintErrors({ findings }: Pick<LintReport, 'findings'>): boolean {
  return findings.some(({ severity }) => severity === 'error');
}

/** What was found in files, before anything is known about tenants. */
export type FoundInFiles = Pick<LintReport, 'files' | 'unread' | 'ignored' | 'warnings'> & {
  found: { set: LintSet; severity: LintFinding['severity']; placed: PlacedHit }[];
  tables: WantedTables;
  page: string;
};

/** The first half of `lintMigrations`, for sets of files that are chosen already. */
export async function lintFiles(project: LintProject, sets: readonly LintSet[]): Promise<FoundInFiles> {
  const result: FoundInFiles = {
    files: 0,
    unread: [],
    ignored: 0,
    warnings: [],
    found: [],
    tables: new Map(),
    page: await rulesPage(),
  };
  const tables = new Map<LintSet, Set<string>>();
  const { migrationsTable, fallThrough } = project;
  const wantsTenants = sets.some(({ schema, wanted }) => schema === 'tenant' && wanted.size > 0);
  const shared = { tables: new Set<string>(), extensions: new Set(['plpgsql']) };
  for (const set of sets.toSorted((a, b) => rank(a) - rank(b))) {
    const isShared = set.schema === 'shared';
    if (set.wanted.size === 0 && !(isShared && wantsTenants)) continue;
    const migrations = await readMigrations(set, {
      migrationsTable,
      extensions: isShared ? undefined : shared.extensions,
      fallThrough: isShared ? 'off' : fallThrough,
      all: isShared && wantsTenants,
    });
    if (isShared) noteShared(migrations, shared);
    const { hits, unread, ignored, files } = lintSet(set, migrations, scopeOf(project, set, shared.tables));
    result.files += files;
    result.ignored += ignored;
    result.unread.push(...unread);
    for (const placed of sorted(hits, set)) {
      const severity = levelOf(placed.hit.rule, project.lint?.rules);
      if (severity === 'off') continue;
      result.found.push({ set, severity, placed });
      const { table } = placed.hit;
      if (table !== undefined) tables.set(set, (tables.get(set) ?? new Set()).add(table));
    }
  }
  return { ...result, tables };
}

/** The second half: findings in their words, with sizes where they are known. */
export function finish(
  { found, page, files, unread, ignored, warnings }: FoundInFiles,
  sizes: Sizes | undefined,
): LintReport {
  const findings = found.map(({ set, severity, placed }): LintFinding => {
    const { hit, migration, path, line = null, column = null, statement = null } = placed;
    const { rule, message, suggestion, table, lock, work } = hit;
    const size = table === undefined ? undefined : sizes?.sizeOf(set, table);
    const effect = describeEffect(hit, set, size, sizes?.tenantsOf(set.type));
    return {
      rule,
      severity,
      file: path,
      line,
      column,
      message: effect === '' ? message : `${message} ${effect}`,
      suggestion,
      docs: `${page}#${rule}`,
      migration: migration.name,
      schema: set.schema,
      type: set.type,
      statement,
      ...(lock === undefined ? {} : { lock }),
      ...(work === undefined ? {} : { work }),
      ...(size === undefined ? {} : { table: size }),
    };
  });
  return { findings, files, unread, ignored, tenants: sizes?.tenants ?? null, warnings };
}

/** The shared schema first: tenants refer to what is in it. */
function rank({ schema }: LintSet): number {
  return schema === 'shared' ? 0 : 1;
}

function levelOf(rule: LintRule, levels: LintLevels = {}): LintLevel {
  return levels[rule] ?? LINT_RULES[rule].level;
}

function noteShared(
  migrations: readonly ReadMigration[],
  shared: { tables: Set<string>; extensions: Set<string> },
): void {
  for (const { up } of migrations) {
    for (const { node } of up?.kind === 'read' ? up.statements : []) {
      for (const { kind, name, owner } of createdBy(node)) {
        if (kind === 'relation' && owner === undefined) shared.tables.add(name);
      }
      if ('CreateExtensionStmt' in node) shared.extensions.add(node.CreateExtensionStmt.extname ?? '');
    }
  }
}

function scopeOf(project: LintProject, { schema }: LintSet, created: ReadonlySet<string>): LintScope {
  const { tenants, domains, rows } = project.registry;
  const registryTables = new Set([tenants.table, ...(domains === null ? [] : [domains.table])]);
  return {
    schema,
    sharedSchema: project.shared.schema,
    extraSearchPath: project.tenants.extraSearchPath,
    registryTables,
    ...(rows === undefined ? {} : { rows }),
    sharedTables: new Set([...created, ...registryTables]),
  };
}

/** In the order of the files, and of their lines. */
function sorted(hits: readonly PlacedHit[], { files }: LintSet): PlacedHit[] {
  const order = new Map(files.map(({ name }, index) => [name, index]));
  const rankOf = ({ migration }: PlacedHit): number => order.get(migration.name) ?? 0;
  return hits.toSorted(
    (a, b) => rankOf(a) - rankOf(b) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  );
}
