import { devNull } from 'node:os';
import { join } from 'node:path';

import type { DatabaseConfig } from '../db/database-config.js';
import { withLibpqVariables } from '../db/libpq-environment.js';

/** Variables of ours that a program needs to be found and to speak; every `PG…` one is set by the connection alone. */
const KEPT = /^(PATH|HOME|LANG|LC_.*|TMPDIR|TEMP|TMP|USER|SYSTEMROOT|APPDATA|LD_LIBRARY_PATH)$/i;

/** A path that nothing can be at. */
const NO_FILE = join(devNull, 'none');

/**
 * The environment in which `pg_dump` opens the connection that node-postgres opens with `database`, for as long as `use` runs.
 * The password is in the child's environment only: never in its arguments, never in a file.
 *
 * @throws TenantsError CONFIG_INVALID for a configuration that `pg_dump` cannot follow.
 */
export async function withDumpEnvironment<T>(
  database: DatabaseConfig,
  purpose: string,
  use: (environment: NodeJS.ProcessEnv) => Promise<T>,
): Promise<T> {
  return await withLibpqVariables(database, 'pg_dump', async (variables) =>
    use({
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => KEPT.test(name))),
      PGAPPNAME: purpose,
      PGCLIENTENCODING: 'UTF8',
      // Whatever the environment or a password file would add was decided when the configuration was loaded.
      PGPASSFILE: NO_FILE,
      // libpq would take a root certificate from the home folder and check against it.
      PGSSLROOTCERT: NO_FILE,
      ...(await variables()),
    }),
  );
}
