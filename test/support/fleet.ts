import { afterAll, beforeAll } from 'vitest';

import { type LoadOptions, loadProject } from '../../src/config/load.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { openLoaded } from '../../src/open-project.js';
import type { Project } from '../../src/project/project.js';
import { registryMigration } from '../../src/registry/migration-template.js';
import { migrate } from '../../src/run/migrate.js';
import type { MigrateOptions, MigrateReport } from '../../src/run/types.js';
import { type TestDatabase, useDatabase } from './database.js';
import { createProject, type TestProject } from './project.js';
import { SHAPE } from './registry-shapes.js';

/** What a fleet needs of its database. */
export type FleetDatabase = Pick<TestDatabase, 'url' | 'config' | 'query'>;

/** A project on disk with a database of its own, and the calls that most tests make. */
export type TestFleet<D extends FleetDatabase = TestDatabase> = {
  files: TestProject;
  database: D;
  /** The project with settings that differ for this one call. */
  project(overrides?: Partial<Project>): Promise<Project>;
  migrate(options?: Partial<MigrateOptions>, overrides?: Partial<Project>): Promise<MigrateReport>;
  create(...schemas: string[]): Promise<void>;
  /** Writes a tenant migration. */
  tenantMigration(file: string, text: string): Promise<void>;
  applied(schema: string): Promise<string[]>;
  tables(schema: string): Promise<string[]>;
  remove(): Promise<void>;
};

const FIRST =
  '-- Up Migration\nCREATE TABLE projects (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);\n-- Down Migration\nDROP TABLE projects;\n';

/**
 * Makes a project with the registry as its shared migration and `0001_projects.sql` for tenants.
 *
 * @param files further files, or other contents for these.
 */
export async function createFleet<D extends FleetDatabase>(
  database: D,
  files: Record<string, string> = {},
  load: Partial<LoadOptions> = {},
): Promise<TestFleet<D>> {
  const made = await createProject({
    'tenants.config.json': '{}',
    'migrations/shared/0001_registry.sql': registryMigration(SHAPE),
    'migrations/tenant/0001_projects.sql': FIRST,
    ...files,
  });
  const project = async (overrides: Partial<Project> = {}): Promise<Project> => {
    const loaded = await loadProject({ cwd: made.root, env: { DATABASE_URL: database.url }, ...load });
    return { ...(await openLoaded(loaded)), ...overrides };
  };
  return {
    files: made,
    database,
    project,
    migrate: async (options = {}, overrides = {}) =>
      await migrate(await project(overrides), { selection: { kind: 'all' }, ...options }),
    create: async (...schemas) => {
      for (const schema of schemas) await createTenant(await project(), { schema });
    },
    tenantMigration: async (file, text) => {
      await made.write(`migrations/tenant/${file}`, text);
    },
    applied: async (schema) => {
      const quoted = `"${schema.replaceAll('"', '""')}"`;
      const { rows } = await database.query(`SELECT name FROM ${quoted}.pgmigrations ORDER BY run_on, id`);
      return rows.map((row) => String(row['name']));
    },
    tables: async (schema) => {
      const { rows } = await database.query(
        `SELECT relname FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND relkind IN ('r', 'p') ORDER BY 1`,
        [schema],
      );
      return rows.map((row) => String(row['relname']));
    },
    remove: () => made.remove(),
  };
}

/**
 * A fleet for all tests of the file (or of the `describe` it is called in), with a database of its own; both are removed
 * after them.
 *
 * @param options.tenants tenants to create, after the shared migrations were applied
 */
export function useFleet(
  options: { files?: Record<string, string>; load?: Partial<LoadOptions>; tenants?: string[] } = {},
): TestFleet {
  const database = useDatabase();
  let fleet: TestFleet | undefined;
  const current = (): TestFleet => {
    if (fleet === undefined) throw new Error('The fleet exists from beforeAll on, inside tests and hooks only.');
    return fleet;
  };
  beforeAll(async () => {
    fleet = await createFleet(database, options.files, options.load);
    if (options.tenants === undefined) return;
    await fleet.migrate({ selection: { kind: 'shared' } });
    await fleet.create(...options.tenants);
  });
  afterAll(() => fleet?.remove());
  return {
    get files() {
      return current().files;
    },
    database,
    project: (...given) => current().project(...given),
    migrate: (...given) => current().migrate(...given),
    create: (...given) => current().create(...given),
    tenantMigration: (...given) => current().tenantMigration(...given),
    applied: (...given) => current().applied(...given),
    tables: (...given) => current().tables(...given),
    remove: () => current().remove(),
  };
}
