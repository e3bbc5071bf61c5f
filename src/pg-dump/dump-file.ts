import { open, unlink } from 'node:fs/promises';

import type { Client } from 'pg';

import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import { withDumpEnvironment } from './environment.js';
import { assertPgDump } from './find.js';
import { exportSnapshot, startDump } from './run.js';

/** A file that a dump is written to. */
export type DumpFile = {
  /** Writes the dump of a schema, as the client's transaction sees it, and has it on the disk before it returns. */
  write(client: Client, schema: string): Promise<void>;
  /** Removes it: the dump failed, or what it was for did not happen. */
  remove(): Promise<void>;
};

/**
 * Opens a new file for a dump, readable by its owner alone, once `pg_dump` is known to fit the server.
 *
 * @throws TenantsError PG_DUMP_UNAVAILABLE; FILE_EXISTS for a file that is there already; USAGE for one that cannot be
 *   written.
 */
export async function withDumpFile<T>(
  project: Project,
  path: string,
  server: number,
  cancel: AbortSignal | undefined,
  use: (file: DumpFile) => Promise<T>,
): Promise<T> {
  const { database, role, lockTimeoutMs } = project;
  return await withDumpEnvironment(database, 'tenants: dump', async (environment) => {
    await assertPgDump(environment, server);
    const handle = await open(path, 'wx', 0o600).catch((error: unknown) => {
      throw unwritable(path, error);
    });
    try {
      return await use({
        write: async (client, schema) => {
          const snapshot = await exportSnapshot(client);
          const dump = startDump({ schema, environment, role, lockTimeoutMs, snapshot, cancel }, handle.fd);
          await dump.done;
          await handle.sync();
        },
        remove: () => unlink(path),
      });
    } finally {
      await handle.close();
    }
  });
}

function unwritable(path: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'EEXIST') {
    return new TenantsError('FILE_EXISTS', `The file ${path} exists already, and a dump overwrites nothing.`, {
      file: path,
      suggestions: ['Choose another file name.'],
    });
  }
  return new TenantsError('USAGE', `The dump cannot be written to ${path} (${code || String(error)}).`, {
    file: path,
    suggestions: ['Choose a file in a folder that exists and can be written to.'],
  });
}
