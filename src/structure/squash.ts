import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';

import type { Client } from 'pg';

import { assertTransactions } from '../db/own-session.js';
import type { ServerInfo } from '../db/server.js';
import { sortFileNames } from '../engine/compile/list-paths.js';
import { listMigrationFiles } from '../engine/files.js';
import type { MigrationFile, MigrationSource } from '../engine/types.js';
import { TenantsError } from '../errors/tenants-error.js';
import { tenantSource } from '../fleet/migration-sources.js';
import { readFleet } from '../fleet/read-fleet.js';
import { chooseTenants } from '../fleet/selection.js';
import { assertTenantTarget } from '../fleet/targets.js';
import type { Project } from '../project/project.js';
import { inspectRegistry } from '../registry/check.js';
import { withSession } from '../session/control-session.js';
import { migrationName, readMigrationFileNames } from '../util/migration-files.js';
import { compareItems } from './compare.js';
import { buildExpected } from './expected.js';
import { formatSquashed } from './format-squashed.js';
import type { Item } from './types.js';
import { writeMigrations } from './write-migrations.js';

export type SquashOptions = {
  /** The last migration that is replaced. */
  to: string;
  /** Tenant type; `null` is the default type. */
  type?: string | null;
  /** What the new file is called, behind the number of the last one that it replaces. Default: `squashed`. */
  name?: string;
  /** Delete the replaced files once the new one is written. */
  deleteReplaced?: boolean;
};

export type SquashReport = {
  /** Absolute path of the new file. */
  file: string;
  /** The migrations that it replaces, oldest first. */
  replaces: string[];
  /** Columns of inserted rows whose values come from their defaults, because they differ each time: `users.created_at`. */
  defaults: string[];
  /** Tenants that have only some of the replaced migrations: they must be migrated before the new file is deployed. */
  behind: string[];
  /** Absolute paths of the replaced files that were deleted. */
  deleted: string[];
};

/**
 * Writes one SQL file that replaces the migrations up to one of them: what they make of an empty schema. It is proven before it is
 * written: both are carried out in schemas that are rolled back, and compared. Tenants are not touched.
 *
 * @throws TenantsError UNKNOWN_MIGRATION or USAGE for what cannot be squashed, NOT_REPRODUCIBLE with every difference, FILE_EXISTS;
 *   nothing is written then.
 */
export async function squash(project: Project, options: SquashOptions): Promise<SquashReport> {
  const { to, type = null, name = 'squashed', deleteReplaced = false } = options;
  return await withSession(project, 'squash', async ({ client, server, session }) => {
    if (session !== 'own') await assertTransactions(client);
    const source = tenantSource(project, type);
    const files = await listMigrationFiles(source);
    assertTenantTarget({ to }, new Map([[type, files]]));
    const replaced = files.slice(0, files.findIndex((file) => file.name === to) + 1);
    assertSquashable(replaced);
    await assertNoneReturns(source, replaced);
    const path = join(source.directory, `${/^\d+/.exec(to)?.[0] ?? ''}_${slugOf(name)}.sql`);
    assertFirst(path, files, replaced);
    const replaces = replaced.map((file) => file.name);
    const written = await writeMigrations(client, project, server, { type, files, names: replaces });
    const text = formatSquashed(replaces, written);
    await prove(client, project, server, { type, files, replaced, path, text });
    const behind = await tenantsBetween(client, project, type, replaces);
    await write(path, text);
    const deleted = deleteReplaced ? replaced.map((file) => file.path) : [];
    for (const one of deleted) await rm(one);
    return { file: path, replaces, defaults: written.defaults, behind, deleted };
  });
}

function assertSquashable(replaced: readonly MigrationFile[]): void {
  const foreign = replaced.find(({ format }) => format !== undefined);
  if (foreign !== undefined) {
    throw new TenantsError(
      'USAGE',
      `The migrations are in the format of another tool (${foreign.format}), which cannot be squashed.`,
      {
        suggestions: ['Squash with the tool whose format it is.'],
      },
    );
  }
  if (replaced.length > 1) return;
  throw new TenantsError('USAGE', `${replaced[0]?.name ?? ''} is the first migration: there is nothing to squash.`, {
    suggestions: ['Name a later migration with --to.'],
  });
}

/** With a file that replaces others, the others would be migrations again. */
async function assertNoneReturns(
  { directory, ignorePattern }: MigrationSource,
  replaced: readonly MigrationFile[],
): Promise<void> {
  const before = new Set(replaced.flatMap(({ replaces = [] }) => replaces));
  if (before.size === 0) return;
  const left = (await readMigrationFileNames(directory, ignorePattern)).filter((file) =>
    before.has(migrationName(file)),
  );
  if (left.length === 0) return;
  throw new TenantsError(
    'USAGE',
    `Files that an earlier squash has replaced are still there: ${left.toSorted().join(', ')}.`,
    {
      suggestions: ['Delete them first.'],
    },
  );
}

function slugOf(name: string): string {
  if (/^[a-z0-9][a-z0-9_-]{0,99}$/i.test(name)) return name;
  throw new TenantsError('USAGE', `"${name.slice(0, 100)}" cannot be the name of a migration.`, {
    suggestions: ['Use letters, digits, hyphens and underscores.'],
  });
}

/** The new file must come first among those that stay. */
function assertFirst(path: string, files: readonly MigrationFile[], replaced: readonly MigrationFile[]): void {
  if (files.some(({ name }) => name === migrationName(path))) {
    throw new TenantsError('FILE_EXISTS', `${path} exists already.`);
  }
  const rest = files.slice(replaced.length).map((file) => basename(file.path));
  const [first] = sortFileNames([...rest, basename(path)]);
  if (first === basename(path)) return;
  throw new TenantsError('USAGE', `${basename(path)} would come after ${first}, which is not replaced.`, {
    suggestions: [`Name the last migration that has the same number, or give the new file another name with --name.`],
  });
}

/** Reads the file as a migration, from a folder of its own, and compares what it makes with what it replaces. */
async function prove(
  client: Client,
  project: Project,
  server: ServerInfo,
  given: {
    type: string | null;
    files: readonly MigrationFile[];
    replaced: readonly MigrationFile[];
    path: string;
    text: string;
  },
): Promise<void> {
  const { type, files, replaced, path, text } = given;
  const folder = await mkdtemp(join(tmpdir(), 'tenants-squash-'));
  try {
    const file = { name: migrationName(path), path: join(folder, basename(path)) };
    await writeFile(file.path, text);
    const alone: Project = { ...project, tenants: { ...project.tenants, migrations: folder, types: undefined } };
    const wanted = await itemsOfFiles(client, project, server, type, files, replaced);
    const found = await itemsOfFiles(client, alone, server, null, [file], [file]);
    const differences = compareItems(wanted, found);
    if (differences.length === 0) return;
    throw new TenantsError(
      'NOT_REPRODUCIBLE',
      'The file would make something else than the migrations that it replaces.',
      {
        problems: differences.map(({ kind, object, change }) => `${change} ${kind} ${object}`),
      },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function itemsOfFiles(
  client: Client,
  project: Project,
  server: ServerInfo,
  type: string | null,
  files: readonly MigrationFile[],
  applied: readonly MigrationFile[],
): Promise<Item[]> {
  const cohort = {
    type,
    state: { kind: 'upToDate' as const },
    applied: applied.map(({ name }) => name),
    tableExists: false,
    members: [],
  };
  return await buildExpected(client, project, server, { cohort, files }, 'owners');
}

async function tenantsBetween(
  client: Client,
  project: Project,
  type: string | null,
  replaces: readonly string[],
): Promise<string[]> {
  if ((await inspectRegistry(client, project.registry)) !== 'present') return [];
  const { cohorts } = await readFleet(client, project, { choose: chooseTenants(project, {}) });
  return cohorts
    .filter((cohort) => cohort.type === type)
    .filter(({ applied }) => {
      const count = replaces.filter((name) => applied.includes(name)).length;
      return count > 0 && count < replaces.length;
    })
    .flatMap(({ members }) => members.map(({ schema }) => schema));
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(path, text, { flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    throw new TenantsError('FILE_EXISTS', `${basename(path, extname(path))} exists already.`, { cause: error });
  }
}
