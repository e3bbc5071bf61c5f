import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { TenantsError } from '../errors/tenants-error.js';

/**
 * Makes sure that the `pg_dump` on the PATH can read a server: it must be of the server's major version or newer.
 *
 * @param environment the same that it will run with: Debian's is a wrapper that chooses a version by it
 * @param server `server_version_num`, such as 150012
 * @throws TenantsError PG_DUMP_UNAVAILABLE, which says which version is needed.
 */
export async function assertPgDump(environment: NodeJS.ProcessEnv, server: number): Promise<void> {
  const needed = Math.floor(server / 10_000);
  const found = await versionOf(environment);
  if (found !== undefined && found.major >= needed) return;
  const what = found === undefined ? 'pg_dump is not on the PATH' : `the one on the PATH is ${found.text}`;
  throw new TenantsError(
    'PG_DUMP_UNAVAILABLE',
    `This needs pg_dump of PostgreSQL ${needed} or newer, and ${what}. Nothing was changed.`,
    {
      suggestions: [
        `Install the client programs of PostgreSQL ${needed} (package postgresql-client-${needed} on Debian and Ubuntu, libpq or postgresql@${needed} with Homebrew).`,
        'If they are installed, put their folder in front of the PATH.',
      ],
    },
  );
}

/** Reads `pg_dump (PostgreSQL) 17.2 (Debian 17.2-1)`, `18beta1` and the like. Pure. */
export function parseVersion(output: string): { major: number; text: string } | undefined {
  const [, text, major] = /\b((\d+)(?:\.\d+|beta\d+|rc\d+|devel)\S*)/.exec(output) ?? [];
  return text === undefined ? undefined : { major: Number(major), text };
}

async function versionOf(environment: NodeJS.ProcessEnv): Promise<ReturnType<typeof parseVersion>> {
  try {
    const { stdout } = await promisify(execFile)('pg_dump', ['--version'], { env: environment, timeout: 30_000 });
    return parseVersion(stdout);
  } catch {
    return undefined;
  }
}
