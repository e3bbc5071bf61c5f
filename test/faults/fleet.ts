import { registryMigration } from '../../src/registry/migration-template.js';
import { withAdmin } from '../support/admin.js';
import { createProject, type TestProject } from '../support/project.js';
import { SHAPE } from '../support/registry-shapes.js';
import type { RestartableServer } from '../support/restartable-server.js';
import { runCli } from '../support/run-cli.js';
import type { MigrationSet } from './migrations.js';

/** A fleet that each round gets a copy of. */
export type FaultFleet = {
  set: MigrationSet;
  project: TestProject;
  /** The same project when it had the first tenant migration only. */
  older: TestProject;
  tenants: string[];
  /** Database in which every tenant has the first migration alone. */
  behind: string;
  /** Database in which every tenant is up to date, and `LARGE` takes several transactions to drop. */
  current: string;
};

/** The tenant whose schema has more objects than one transaction should drop. */
export const LARGE = 'large';

/** Tables that make it so. */
const TABLES = 90;

/** Makes a project and its two databases. */
export async function prepareFleet(server: RestartableServer, set: MigrationSet, count: number): Promise<FaultFleet> {
  const tenants = Array.from({ length: count }, (_, index) => `t${String(index + 1).padStart(2, '0')}`);
  const [behind, current] = [`behind_${set.label}`, `current_${set.label}`];
  const [first, ...rest] = set.all;
  const files = {
    'tenants.config.json': '{}',
    'migrations/shared/0001_registry.sql': registryMigration(SHAPE),
    [`migrations/tenant/${first?.file}`]: first?.text ?? '',
  };
  const project = await createProject(files);
  const older = await createProject(files);
  const migrate = async (database: string): Promise<void> => {
    const options = { cwd: project.root, env: { DATABASE_URL: server.urlOf(database) } };
    const { code, stdout, stderr } = await runCli(['migrate', '--create-missing', '--json'], options);
    if (code !== 0) throw new Error(`The fleet could not be made: ${stdout}${stderr}`);
  };
  const change = (database: string, sql: string, values: unknown[] = []): Promise<unknown> =>
    withAdmin(server.urlOf(database), (client) => client.query(sql, values));

  await server.admin(`CREATE DATABASE ${behind}`);
  await migrate(behind);
  await change(behind, 'INSERT INTO tenants (schema_name) SELECT unnest($1::text[])', [tenants]);
  await migrate(behind);
  for (const { file, text } of rest) await project.write(`migrations/tenant/${file}`, text);

  await server.admin(`CREATE DATABASE ${current} TEMPLATE ${behind}`);
  await change(current, 'INSERT INTO tenants (schema_name) VALUES ($1)', [LARGE]);
  await migrate(current);
  await change(
    current,
    `DO $$ BEGIN FOR n IN 1..${TABLES} LOOP
       EXECUTE format('CREATE TABLE ${LARGE}.extra_%s (id int PRIMARY KEY, name text)', n);
       IF n % 50 = 0 THEN COMMIT; END IF;
     END LOOP; END $$`,
  );
  return { set, project, older, tenants, behind, current };
}
