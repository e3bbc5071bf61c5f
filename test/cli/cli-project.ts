import { afterAll, beforeAll } from 'vitest';

import { registryMigration } from '../../src/registry/migration-template.js';
import { useDatabase, type TestDatabase } from '../support/database.js';
import { createProject, type TestProject } from '../support/project.js';
import { SHAPE } from '../support/registry-shapes.js';
import { callCli, type CliOptions, type CliOutcome, runCli, type RunningCli, spawnCli } from '../support/run-cli.js';

export const PROJECTS = '-- Up Migration\nCREATE TABLE projects (id int);\n-- Down Migration\nDROP TABLE projects;\n';

/** A project folder, a database, and the command line that works on both. */
export type CliProject = {
  database: TestDatabase;
  /** Exists from `beforeAll` on. */
  readonly project: TestProject;
  /** Inside this process: see `callCli` for what that is good for. */
  call(args: string[], options?: Partial<CliOptions>): Promise<CliOutcome>;
  run(args: string[], options?: Parameters<typeof runCli>[1] extends infer O ? Partial<O> : never): Promise<CliOutcome>;
  spawn(args: string[], options?: Partial<CliOptions>): RunningCli;
};

/** A project with a registry to be created and one tenant migration, for all tests of a file. */
export function useCliProject(files: Record<string, string> = {}): CliProject {
  const database = useDatabase();
  let project: TestProject | undefined;
  const current = (): TestProject => {
    if (project === undefined) throw new Error('The project exists from beforeAll on.');
    return project;
  };
  beforeAll(async () => {
    project = await createProject({
      'tenants.config.mjs': 'export default {};\n',
      'migrations/shared/0001_registry.sql': registryMigration(SHAPE),
      'migrations/tenant/0001_projects.sql': PROJECTS,
      ...files,
    });
  });
  afterAll(() => project?.remove());
  const complete = <O extends Partial<CliOptions>>(options: O) => ({
    cwd: current().root,
    ...options,
    env: { DATABASE_URL: database.url, ...options.env },
  });
  return {
    database,
    get project() {
      return current();
    },
    call: (args, options = {}) => callCli(args, complete(options)),
    run: (args, options = {}) => runCli(args, complete(options)),
    spawn: (args, options = {}) => spawnCli(args, complete(options)),
  };
}
