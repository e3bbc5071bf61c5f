import { resolve } from 'node:path';

import { TenantsError } from '../errors/tenants-error.js';
import { type MigrationComments, readComments } from '../util/migration-comments.js';
import { migrationName, readMigrationFileNames } from '../util/migration-files.js';
import { MODULE_PATH } from '../util/module-path.js';
import type { MigrationNames, Migrations } from './types.js';

/**
 * What a tenant must have, and which migrations count as one of them where all of them are applied. Those of the phase `post` are not
 * among them: they wait for this very code to run everywhere.
 */
export type RequiredMigrations = { names: string[]; replaced: ReadonlyMap<string, readonly string[]> };

/** Whether everything is applied. Pure. */
export function isComplete({ names, replaced }: RequiredMigrations, applied: ReadonlySet<string>): boolean {
  return names.every((name) => applied.has(name) || hasAll(replaced.get(name), applied));
}

function hasAll(names: readonly string[] | undefined, applied: ReadonlySet<string>): boolean {
  return names !== undefined && names.length > 0 && names.every((one) => applied.has(one));
}

/**
 * Says which migrations a tenant of some type must have. Directories are read once, at the first question.
 *
 * @param ignorePattern files of the directories that are not migrations, as in the configuration
 */
export function requiredMigrations(
  migrations: Migrations | undefined,
  ignorePattern?: string,
): (type: string | null) => Promise<RequiredMigrations> {
  const read = new Map<string | null, Promise<RequiredMigrations>>();
  return (type) => {
    const known = read.get(type);
    if (known !== undefined) return known;
    const names = namesOf(migrations, type, ignorePattern);
    read.set(type, names);
    // A directory that could not be read may be readable next time.
    names.catch(() => read.delete(type));
    return names;
  };
}

async function namesOf(
  migrations: Migrations | undefined,
  type: string | null,
  ignorePattern: string | undefined,
): Promise<RequiredMigrations> {
  const names = isByType(migrations) ? (type === null ? migrations.default : migrations.types[type]) : migrations;
  if (names === undefined) throw notConfigured(migrations, type);
  if (typeof names === 'string') return await readNames(names, ignorePattern);
  return 'directory' in names ? await readFormat(names, ignorePattern) : { names: [...names], replaced: new Map() };
}

function isByType(migrations: Migrations | undefined): migrations is Exclude<Migrations, MigrationNames> {
  return typeof migrations === 'object' && !Array.isArray(migrations) && !('directory' in migrations);
}

/** The names of another layout, as the command line reads it: loaded by applications that ask for it alone. */
async function readFormat(
  { directory, format }: { directory: string; format: string },
  ignorePattern: string | undefined,
): Promise<RequiredMigrations> {
  const own = format === 'node-pg-migrate';
  if (!own && !KNOWN.has(format) && !MODULE_PATH.test(format)) {
    throw new TenantsError('CONFIG_INVALID', `createTenancy knows no format "${format}" of migrations.`, {
      suggestions: [`It is that of the configuration: ${[...KNOWN].join(', ')}, or the path of a module.`],
    });
  }
  const { listMigrationFiles } = await import('../engine/files.js');
  const files = await listMigrationFiles({
    directory: resolve(directory),
    ignorePattern,
    decamelize: false,
    tsconfigPaths: false,
    ...(own ? {} : { format: MODULE_PATH.test(format) ? resolve(format) : format }),
  });
  const replaced = files.flatMap(({ name, replaces }) => (replaces === undefined ? [] : [[name, replaces] as const]));
  const names = files.filter(({ phase }) => phase === undefined).map(({ name }) => name);
  return { names, replaced: new Map(replaced) };
}

const KNOWN: ReadonlySet<string> = new Set(['drizzle', 'prisma', 'sql', 'knex', 'kysely', 'auto']);

async function readNames(directory: string, ignorePattern: string | undefined): Promise<RequiredMigrations> {
  const read = async (): Promise<{ files: string[]; comments: Map<string, MigrationComments> }> => {
    const files = await readMigrationFileNames(directory, ignorePattern);
    return { files, comments: await readComments(directory, files) };
  };
  const { files, comments } = await read().catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TenantsError('MIGRATIONS_UNREADABLE', `The migrations in ${directory} cannot be read: ${reason}`, {
      suggestions: ['A relative path begins at the folder in which the application was started.'],
      cause,
    });
  });
  await assertOwnLayout(resolve(directory), ignorePattern, files);
  const replaced = new Map([...comments].map(([name, { replaces }]) => [name, replaces]));
  const waits = [...comments].filter(([, { phases }]) => phases.includes('post')).map(([name]) => name);
  const left = new Set([...replaced.values(), waits].flat());
  return { names: files.map((file) => migrationName(file)).filter((name) => !left.has(name)), replaced };
}

/** Files of other tools have other names than these, and no tenant would ever be ready. */
async function assertOwnLayout(
  directory: string,
  ignorePattern: string | undefined,
  files: readonly string[],
): Promise<void> {
  // Drizzle's numbered files look like everybody's, and have the same names.
  const areOwn = files.every((file) => /^\d.*(?<!\.(?:up|down))\.sql$|\.[cm]?[jt]s$/.test(file));
  if (files.length > 0 && areOwn) return;
  const { recognizedForeign } = await import('../engine/formats/foreign.js');
  const found = await recognizedForeign({ directory, ignorePattern });
  if (found === undefined) return;
  const { title, setting } = found;
  throw new TenantsError('MIGRATIONS_UNREADABLE', `${directory} has the format of ${title}, which must be named.`, {
    suggestions: [`Write: createTenancy({ pool, migrations: { directory: '${directory}', format: '${setting}' } }).`],
  });
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
  return new TenantsError('CONFIG_INVALID', 'Readiness can be checked only with the migrations of tenants.', {
    suggestions: ["Name them: createTenancy({ pool, migrations: './migrations/tenant' })."],
  });
}
