import { stat } from 'node:fs/promises';

import { fileDigest, sha256 } from '../engine/file-digest.js';
import type { MigrationFile } from '../engine/types.js';
import type { Project } from '../project/project.js';

/** Digests of files that have not changed since they were read: an application creates tenants all day long. */
const known = new Map<string, { stamp: string; digest: string }>();

/** A digest of migration files and of the settings that decide what they make of an empty schema. */
export async function filesDigest(project: Project, files: readonly MigrationFile[]): Promise<string> {
  const { migrationsTable, decamelize, role, shared, tenants } = project;
  const settings = { migrationsTable, decamelize, role, shared: shared.schema, path: tenants.extraSearchPath };
  const digests = await Promise.all(files.map(async (file) => [file.name, await digestOf(file)]));
  return sha256(JSON.stringify([settings, digests]));
}

async function digestOf(file: MigrationFile): Promise<string> {
  const { mtimeMs, size, ino } = await stat(file.path);
  const stamp = `${mtimeMs} ${size} ${ino}`;
  const found = known.get(file.path);
  if (found?.stamp === stamp) return found.digest;
  const digest = await fileDigest(file);
  known.set(file.path, { stamp, digest });
  return digest;
}
