import { readdir } from 'node:fs/promises';
import { basename, extname } from 'node:path';

import { TenantsError } from '../errors/tenants-error.js';
import type { MigrationNames, Migrations } from './types.js';

/** Says which migrations a tenant of some type must have. Directories are read once, at the first question. */
export function migrationNames(
  migrations: Migrations | undefined,
): (type: string | null) => Promise<readonly string[]> {
  const read = new Map<string | null, Promise<readonly string[]>>();
  return (type) => {
    const known = read.get(type);
    if (known !== undefined) return known;
    const names = namesOf(migrations, type);
    read.set(type, names);
    // A directory that could not be read may be readable next time.
    names.catch(() => read.delete(type));
    return names;
  };
}

async function namesOf(migrations: Migrations | undefined, type: string | null): Promise<readonly string[]> {
  const names = isByType(migrations) ? (type === null ? migrations.default : migrations.types[type]) : migrations;
  if (names === undefined) throw notConfigured(migrations, type);
  return typeof names === 'string' ? await readNames(names) : names;
}

function isByType(migrations: Migrations | undefined): migrations is Exclude<Migrations, MigrationNames> {
  return typeof migrations === 'object' && !Array.isArray(migrations);
}

/** node-pg-migrate's rule: every file but dot files, known by its name without the extension. */
async function readNames(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TenantsError('MIGRATIONS_UNREADABLE', `The migrations in ${directory} cannot be read: ${reason}`, {
      suggestions: ['A relative path begins at the folder in which the application was started.'],
      cause,
    });
  });
  return entries
    .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && !entry.name.startsWith('.'))
    .map(({ name }) => basename(name, extname(name)));
}

function notConfigured(migrations: Migrations | undefined, type: string | null): TenantsError {
  if (migrations !== undefined) {
    return new TenantsError(
      'UNKNOWN_TYPE',
      `createTenancy knows no migrations for tenants of type "${String(type)}".`,
      {
        suggestions: ['Name them: createTenancy({ pool, migrations: { default: …, types: { … } } }).'],
      },
    );
  }
  return new TenantsError('CONFIG_INVALID', 'Whether a tenant is ready can be told only with its migrations.', {
    suggestions: ["Name them: createTenancy({ pool, migrations: './migrations/tenant' })."],
  });
}
