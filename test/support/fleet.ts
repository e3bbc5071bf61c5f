import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';

import { type LoadOptions, loadProject } from '../../src/config/load.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { openLoaded } from '../../src/open-project.js';
import type { Project } from '../../src/project/project.js';
import { registryMigration } from '../../src/registry/migration-template.js';
import { migrate } from '../../src/run/migrate.js';
import type { MigrateOptions, MigrateReport } from '../../src/run/types.js';
import { prepareDatabase, type TestDatabase, useDatabase } from './database.js';
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

/** Registers tenants, whatever their names, and creates their schemas. */
export async function createMissing({ database, migrate }: TestFleet, names: readonly string[]): Promise<void> {
  await database.query(`INSERT INTO tenants (schema_name, name) SELECT s, s FROM unnest($1::text[]) AS s`, [names]);
  await migrate({ missing: 'create' });
}

/** What `useFleet` starts with. */
export type FleetOptions = {
  files?: Record<string, string>;
  load?: Partial<LoadOptions>;
  /** Tenants to create, after the shared migrations were applied; without a list, nothing is applied. */
  tenants?: string[];
  /** Tenants whose schemas have nothing yet. */
  emptyTenants?: string[];
  /** What else is in the database at the start. Files that it writes are not there in the test. */
  prepare?: (fleet: TestFleet) => Promise<unknown>;
  /** A fleet for each test, instead of one for all of them. */
  each?: boolean;
};

/**
 * A fleet for all tests of the file (or of the `describe` it is called in), with a database of its own; both are removed
 * after them. The same start is made once, and its database copied from then on.
 */
export function useFleet(options: FleetOptions = {}): TestFleet {
  const { files, load, tenants, prepare, each = false } = options;
  const template = (): Promise<string> => prepareFleet(expect.getState().testPath ?? '', options);
  const isEmpty = tenants === undefined && prepare === undefined;
  const database = useDatabase({ each, ...(isEmpty ? {} : { template }) });
  let fleet: TestFleet | undefined;
  const current = (): TestFleet => {
    if (fleet === undefined) throw new Error('The fleet exists inside tests and hooks only.');
    return fleet;
  };
  (each ? beforeEach : beforeAll)(async () => {
    fleet = await createFleet(database, files, load);
  });
  (each ? afterEach : afterAll)(() => fleet?.remove());
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

/**
 * Makes the database that `useFleet` copies, unless it is there, and returns its name.
 *
 * @param place tells what `prepare` does from what the same text does elsewhere, where it uses other variables
 */
export async function prepareFleet(
  place: string,
  { files, load, tenants, emptyTenants, prepare }: Omit<FleetOptions, 'each'>,
): Promise<string> {
  const own = prepare === undefined ? undefined : [place, String(prepare)];
  return await prepareDatabase(JSON.stringify([files, load, tenants, emptyTenants, own]), async (database) => {
    const fleet = await createFleet(database, files, load);
    try {
      if (tenants !== undefined) await fleet.migrate({ selection: { kind: 'shared' } });
      await fleet.create(...(tenants ?? []));
      for (const schema of emptyTenants ?? []) await createTenant(await fleet.project(), { schema, noMigrate: true });
      await prepare?.(fleet);
    } finally {
      await fleet.remove();
    }
  });
}
