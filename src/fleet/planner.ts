import type { Client } from 'pg';

import type { Compiler } from '../engine/compile/compiler.js';
import { makePlan } from '../engine/plan.js';
import type { CompiledMigration, Direction, MigrationFile, MigrationSource, Plan } from '../engine/types.js';
import type { Project } from '../project/project.js';
import type { Cohort, FilesByType } from './cohorts.js';
import { tenantSource } from './migration-sources.js';
import { inFileOrder } from './schema-state.js';
import type { SurveyedSchema } from './survey.js';

/** Compiles plans for a run; each migration is compiled once, however many cohorts need it. */
export type Planner = {
  /** Compiles migrations of a tenant type beforehand. Throws as `cohort` would, with all complaints at once. */
  prepare(type: string | null, names: readonly string[]): Promise<void>;
  shared(place: SurveyedSchema, names: readonly string[]): Promise<Plan>;
  cohort(cohort: Cohort, names: readonly string[]): Promise<Plan>;
  readonly warnings: readonly string[];
};

export type PlannerOptions = {
  project: Project;
  direction: Direction;
  fake: boolean;
  shared: { source: MigrationSource; files: readonly MigrationFile[] };
  tenantFiles: () => FilesByType;
  /** Extensions that the database has. */
  extensions: ReadonlySet<string>;
};

export function createPlanner(options: PlannerOptions): Planner {
  const { project, direction, fake, shared, tenantFiles } = options;
  const extensions = new Set(options.extensions);
  const compilers = new Map<string, Compiler>();
  let plans = 0;

  const compile = async (
    source: MigrationSource,
    files: readonly MigrationFile[],
    names: readonly string[],
    checkExtensions: boolean,
  ): Promise<CompiledMigration[]> => {
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
        });
      compilers.set(source.directory, compiler);
    }
    return await compiler.compile([...names], direction);
  };

  const plan = async (
    scope: Plan['scope'],
    source: MigrationSource,
    files: readonly MigrationFile[],
    place: { applied: string[]; tableExists: boolean },
    names: readonly string[],
  ): Promise<Plan> => {
    plans += 1;
    const order = inFileOrder(
      files.map(({ name }) => name),
      place.applied,
    );
    return makePlan({
      id: `plan-${plans}`,
      scope,
      source,
      direction,
      applied: place.applied,
      tableExists: place.tableExists,
      ...(order === undefined ? {} : { fileOrder: order }),
      fake,
      migrations: await compile(source, files, names, scope.kind === 'tenants'),
      transaction: project.transaction,
    });
  };

  const filesOf = (type: string | null): readonly MigrationFile[] => tenantFiles().get(type) ?? [];
  return {
    prepare: async (type, names) => {
      if (names.length > 0) await compile(tenantSource(project, type), filesOf(type), names, true);
    },
    shared: async (place, names) => {
      const made = await plan({ kind: 'shared' }, shared.source, shared.files, place, names);
      for (const name of createdExtensions(made)) extensions.add(name);
      return made;
    },
    cohort: (cohort, names) =>
      plan(
        { kind: 'tenants', type: cohort.type },
        tenantSource(project, cohort.type),
        filesOf(cohort.type),
        cohort,
        names,
      ),
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
  return {
    name,
    path: files.find((file) => file.name === name)?.path ?? name,
    direction,
    mode: 'compiled',
    transaction: true,
    statements: [],
    targets: [],
    creates: [],
    allowFallThrough: false,
    warnings: [],
  };
}
