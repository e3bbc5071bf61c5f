import type { Client } from 'pg';

import type { Compiler } from '../engine/compile/compiler.js';
import { makePlan } from '../engine/plan.js';
import { dueReplacements, replacingMigration } from '../engine/replaced.js';
import type { CompiledMigration, Direction, MigrationFile, MigrationSource, Plan } from '../engine/types.js';
import { withoutStatements } from '../engine/without-statements.js';
import type { Project } from '../project/project.js';
import type { Cohort, WantedCohort } from './cohorts.js';
import { sharedSource, tenantSource } from './migration-sources.js';
import { inFileOrder } from './schema-state.js';
import type { SharedSchema } from './shared-schema.js';

/** Compiles plans for a run; each migration is compiled once, however many cohorts need it. */
export type Planner = {
  /** Compiles migrations of a tenant type beforehand. Throws as `planCohort` would, with all complaints at once. */
  compile(type: string | null, files: readonly MigrationFile[], names: readonly string[]): Promise<void>;
  planShared(shared: Pick<SharedSchema, 'surveyed' | 'files' | 'toRun'>): Promise<Plan>;
  planCohort(wanted: WantedCohort): Promise<Plan>;
  readonly warnings: readonly string[];
};

export type PlannerOptions = {
  project: Project;
  direction: Direction;
  fake: boolean;
  /** Extensions that the database has. */
  extensions: ReadonlySet<string>;
};

export function createPlanner(options: PlannerOptions): Planner {
  const { project, direction, fake } = options;
  const extensions = new Set(options.extensions);
  const compilers = new Map<string, Compiler>();
  let plans = 0;

  const compile = async (
    source: MigrationSource,
    files: readonly MigrationFile[],
    names: readonly string[],
    checkExtensions: boolean,
  ): Promise<CompiledMigration[]> => {
    if (names.length === 0) return [];
    if (fake) return names.map((name) => fakedMigration(name, direction, files));
    let compiler = compilers.get(source.directory);
    if (compiler === undefined) {
      // Most runs find nothing to compile, and need neither node-pg-migrate nor the parser.
      const { createCompiler } = await import('../engine/compile/compiler.js');
      compiler =
        compilers.get(source.directory) ??
        createCompiler(source, [...files], {
          migrationsTable: project.migrationsTable,
          extensions,
          checkExtensions,
          fallThrough: checkExtensions ? project.fallThrough : 'off',
        });
      compilers.set(source.directory, compiler);
    }
    return await compiler.compile([...names], direction);
  };

  const plan = async (
    scope: Plan['scope'],
    source: MigrationSource,
    files: readonly MigrationFile[],
    start: Pick<Cohort, 'applied' | 'tableExists'>,
    names: readonly string[],
  ): Promise<Plan> => {
    plans += 1;
    const due = direction === 'up' ? dueReplacements(files, start.applied).map(({ name }) => name) : [];
    const run = names.filter((name) => !due.includes(name));
    const compiled = await compile(source, files, run, scope.kind === 'tenants');
    const migrations = names.flatMap((name) => {
      const file = due.includes(name) ? files.find((one) => one.name === name) : undefined;
      if (file !== undefined) return [replacingMigration(file, start.applied)];
      return compiled.filter((migration) => migration.name === name);
    });
    const order = inFileOrder(
      files.map(({ name }) => name),
      start.applied,
    );
    return makePlan({
      id: `plan-${plans}`,
      scope,
      source,
      direction,
      applied: start.applied,
      tableExists: start.tableExists,
      ...(order === undefined ? {} : { fileOrder: order }),
      fake,
      migrations,
      transaction: project.transaction,
    });
  };

  return {
    compile: async (type, files, names) => {
      if (names.length > 0) await compile(tenantSource(project, type), files, names, true);
    },
    planShared: async ({ surveyed, files, toRun }) => {
      const made = await plan({ kind: 'shared' }, sharedSource(project), files, surveyed, toRun);
      for (const name of createdExtensions(made)) extensions.add(name);
      return made;
    },
    planCohort: ({ cohort, names, files }) =>
      plan({ kind: 'tenants', type: cohort.type }, tenantSource(project, cohort.type), files, cohort, names),
    get warnings() {
      return [...new Set([...compilers.values()].flatMap((compiler) => compiler.warnings))];
    },
  };
}

/** Extensions that the database has. */
export async function installedExtensions(client: Client): Promise<Set<string>> {
  const { rows } = await client.query<{ extname: string }>('SELECT extname FROM pg_extension');
  return new Set(rows.map(({ extname }) => extname));
}

function createdExtensions(plan: Plan): string[] {
  return plan.segments.flatMap(({ migrations }) => migrations.flatMap((migration) => migration.extensions ?? []));
}

/** Marking a migration as applied runs none of its code. */
function fakedMigration(name: string, direction: Direction, files: readonly MigrationFile[]): CompiledMigration {
  const path = files.find((file) => file.name === name)?.path ?? name;
  return withoutStatements({ name, path, direction });
}
