import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';

import { TenantsError } from '../errors/tenants-error.js';
import { type DatabaseConfig, sslModeOf } from './database-config.js';
import { currentPassword } from './password.js';

/** `PGHOST`, `PGPASSWORD` and the like: all that says where and how to connect. A password function is called each time. */
export type LibpqVariables = () => Promise<Record<string, string>>;

/**
 * The variables with which libpq opens the connection that node-postgres opens with `database`, for as long as `use` runs.
 * Certificates are written to a private folder, which is removed afterwards.
 *
 * @param who what the variables are for, as the subject of a complaint
 * @throws TenantsError CONFIG_INVALID for a configuration with a `stream`: libpq would connect to some other server.
 */
export async function withLibpqVariables<T>(
  database: DatabaseConfig,
  who: string,
  use: (variables: LibpqVariables) => Promise<T>,
): Promise<T> {
  assertNoStream(database, who);
  return await withPrivateFiles(async (file) => {
    const tls = await tlsVariables(database, file);
    return await use(async () => {
      const password = await currentPassword(database);
      return {
        PGHOST: database.host ?? 'localhost',
        PGPORT: String(database.port ?? 5432),
        PGDATABASE: database.database ?? database.user ?? '',
        ...(database.user === undefined ? {} : { PGUSER: database.user }),
        ...(password === undefined ? {} : { PGPASSWORD: password }),
        ...(database.options === undefined ? {} : { PGOPTIONS: database.options }),
        ...tls,
      };
    });
  });
}

function assertNoStream({ stream }: DatabaseConfig, who: string): void {
  if (stream === undefined) return;
  throw new TenantsError(
    'CONFIG_INVALID',
    `${who} cannot be used with this database setting: it connects on its own, and database.stream is a function that only this process can call.`,
    {
      problems: ['database.stream is a function'],
      suggestions: ['Use a setting with host and port that other programs can connect to, such as a local proxy.'],
    },
  );
}

/**
 * libpq's words for the TLS of a configuration. Without a certificate authority of its own Node checks against those it was
 * built with, so these are handed over.
 */
async function tlsVariables(
  database: DatabaseConfig,
  file: (name: string, text: string) => Promise<string>,
): Promise<Record<string, string>> {
  const mode = sslModeOf(database);
  if (mode === 'disable') return { PGSSLMODE: mode };
  const { ca, cert, key } = typeof database.ssl === 'object' ? database.ssl : {};
  const roots = ca === undefined ? rootCertificates.join('\n') : textOf(ca);
  return {
    PGSSLMODE: mode,
    ...(mode === 'require' ? {} : { PGSSLROOTCERT: await file('root.crt', roots) }),
    ...(cert === undefined ? {} : { PGSSLCERT: await file('client.crt', textOf(cert)) }),
    ...(key === undefined ? {} : { PGSSLKEY: await file('client.key', textOf(key)) }),
    ...(database.sslnegotiation === 'direct' ? { PGSSLNEGOTIATION: 'direct' } : {}),
  };
}

function textOf(part: unknown): string {
  if (Array.isArray(part)) return part.map((one) => textOf(one)).join('\n');
  if (ArrayBuffer.isView(part)) return Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString('utf8');
  if (typeof part === 'object' && part !== null && 'pem' in part) return textOf(part.pem);
  return String(part);
}

/** Files that only this user can read. They go when `use` is done, and when the process ends before that. */
async function withPrivateFiles<T>(
  use: (file: (name: string, text: string) => Promise<string>) => Promise<T>,
): Promise<T> {
  let folder: string | undefined;
  const remove = (): void => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', remove);
  try {
    return await use(async (name, text) => {
      // mkdtemp makes the folder for its owner alone.
      folder ??= await mkdtemp(join(tmpdir(), 'tenants-tls-'));
      const path = join(folder, name);
      await writeFile(path, text, { mode: 0o600 });
      return path;
    });
  } finally {
    process.off('exit', remove);
    remove();
  }
}
