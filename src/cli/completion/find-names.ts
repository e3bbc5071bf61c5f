import { parseDatabase } from '../../config/database/database.js';
import type { LoadedProject } from '../../config/loaded-project.js';
import { listTenants } from '../../fleet/list-tenants.js';
import { openLoaded } from '../../open-project.js';
import { migrationName, readMigrationFileNames } from '../../util/migration-files.js';
import type { Names } from './names.js';

/** ms after which a database that does not answer is left alone. */
const LIMIT_MS = 4000;

/**
 * Looks up what a shell completes. What cannot be found out is left out of the answer.
 *
 * @param embedded URL of the embedded server where that is the project's database and runs; it is not started for this
 */
export async function findNames(loaded: LoadedProject, embedded: string | undefined): Promise<Partial<Names>> {
  const migrations = await migrationNames(loaded);
  const database = loaded.database === 'embedded' ? embedded : loaded.database;
  if (database === undefined) return { migrations };
  try {
    const config = typeof database === 'string' ? parseDatabase(database, {}) : database;
    const limited = { ...config, connectionTimeoutMillis: LIMIT_MS, query_timeout: LIMIT_MS };
    const project = await openLoaded({ ...loaded, database: limited, connectWaitMs: 0 });
    const tenants = await listTenants(project);
    return {
      migrations,
      tenants: tenants.map(({ schema }) => schema),
      domains: tenants.flatMap(({ domains }) => domains.map(({ domain }) => domain)),
    };
  } catch {
    return { migrations };
  }
}

async function migrationNames({ shared, tenants, ignorePattern }: LoadedProject): Promise<string[]> {
  const directories = [shared.migrations, tenants.migrations, ...Object.values(tenants.types ?? {})];
  const files = await Promise.all(
    directories.map((directory) => readMigrationFileNames(directory, ignorePattern).catch(() => [])),
  );
  return [...new Set(files.flat().map((file) => migrationName(file)))].toSorted();
}
