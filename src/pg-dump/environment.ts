import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { devNull, tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';

import type { ClientConfig } from 'pg';

/** Variables of ours that a program needs to be found and to speak; every `PG…` one is set by the connection alone. */
const KEPT = /^(PATH|HOME|LANG|LC_.*|TMPDIR|TEMP|TMP|USER|SYSTEMROOT|APPDATA|LD_LIBRARY_PATH)$/i;

/** A path that nothing can be at. */
const NO_FILE = join(devNull, 'none');

/**
 * The environment in which libpq opens the connection that node-postgres opens with `database`, for as long as `use` runs.
 * The password is in the child's environment only: never in its arguments, never in a file. Certificates that are given as
 * text are written to a private folder, which is removed afterwards.
 */
export async function withLibpqEnvironment<T>(
  database: ClientConfig,
  purpose: string,
  use: (environment: NodeJS.ProcessEnv) => Promise<T>,
): Promise<T> {
  let folder: string | undefined;
  const file = async (name: string, text: string): Promise<string> => {
    // mkdtemp makes the folder for its owner alone.
    folder ??= await mkdtemp(join(tmpdir(), 'tenants-tls-'));
    await writeFile(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  try {
    const password = typeof database.password === 'function' ? await database.password() : database.password;
    return await use({
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => KEPT.test(name))),
      PGHOST: database.host ?? 'localhost',
      PGPORT: String(database.port ?? 5432),
      PGDATABASE: database.database ?? database.user ?? '',
      PGAPPNAME: purpose,
      PGCLIENTENCODING: 'UTF8',
      // Whatever the environment or a password file would add was decided when the configuration was loaded.
      PGPASSFILE: NO_FILE,
      ...(database.user === undefined ? {} : { PGUSER: database.user }),
      ...(password === undefined || password === null ? {} : { PGPASSWORD: password }),
      ...(database.options === undefined ? {} : { PGOPTIONS: database.options }),
      ...(await tlsVariables(database.ssl, file)),
    });
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

/**
 * libpq's words for node-postgres' `ssl`. Without a certificate authority of its own Node checks against those it was built
 * with, so these are handed over.
 */
export async function tlsVariables(
  ssl: ClientConfig['ssl'],
  file: (name: string, text: string) => Promise<string>,
): Promise<Record<string, string>> {
  if (ssl === undefined || ssl === false) return { PGSSLMODE: 'disable' };
  const { ca, cert, key, rejectUnauthorized, checkServerIdentity } = ssl === true ? {} : ssl;
  const client = {
    ...(cert === undefined ? {} : { PGSSLCERT: await file('client.crt', textOf(cert)) }),
    ...(key === undefined ? {} : { PGSSLKEY: await file('client.key', textOf(key)) }),
  };
  // libpq would take a root certificate from the home folder and check against it.
  if (rejectUnauthorized === false) {
    return { PGSSLMODE: 'require', PGSSLROOTCERT: NO_FILE, ...client };
  }
  return {
    PGSSLMODE: checkServerIdentity === undefined ? 'verify-full' : 'verify-ca',
    PGSSLROOTCERT: await file('root.crt', ca === undefined ? rootCertificates.join('\n') : textOf(ca)),
    ...client,
  };
}

function textOf(part: unknown): string {
  if (Array.isArray(part)) return part.map((one) => textOf(one)).join('\n');
  if (Buffer.isBuffer(part)) return part.toString('utf8');
  if (typeof part === 'object' && part !== null && 'pem' in part) return textOf(part.pem);
  return String(part);
}
