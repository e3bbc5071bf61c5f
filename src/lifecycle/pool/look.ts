import type { Client } from 'pg';

import type { MigrationFile } from '../../engine/types.js';
import { tenantTypes } from '../../fleet/migration-sources.js';
import { type SurveyedSchema, surveySchemas } from '../../fleet/survey.js';
import type { Project } from '../../project/project.js';
import { filesDigest } from '../files-digest.js';
import { type NewTenantFiles, newTenantFilesByType } from '../new-tenant/files.js';
import { type PoolMark, type PoolSchema, readPool } from './mark.js';

/** The schemas that were made ahead for one type, by what is to be done with them. */
export type PoolLook = {
  type: string | null;
  /** What new tenants get, and all files of the directory. */
  files: readonly MigrationFile[];
  all: readonly MigrationFile[];
  /** What a schema says that is up to date. */
  mark: PoolMark;
  ready: PoolSchema[];
  /** They lack the newest migrations, and nothing else. */
  behind: (PoolSchema & { place: SurveyedSchema })[];
  /** They cannot be brought up to date: their files were changed, or somebody else has changed them. */
  outdated: PoolSchema[];
  unfinished: PoolSchema[];
};

/** Looks at the pool of each type of the configuration. Changes nothing. */
export async function lookAtPool(client: Client, project: Project): Promise<PoolLook[]> {
  const pool = await readPool(client, project);
  const names = pool.filter(({ mark }) => mark.files !== null).map(({ schema }) => schema);
  const surveyed = await surveySchemas(client, project.database, names, project.migrationsTable, { connections: 1 });
  const places = new Map(surveyed.map((place) => [place.schema, place]));
  const looks: PoolLook[] = [];
  for (const [type, given] of await newTenantFilesByType(client, project)) {
    const own = pool.filter(({ mark }) => mark.type === type);
    looks.push(await lookAtType(project, type, given, own, places));
  }
  return looks;
}

/** Schemas of types that the configuration has no longer. */
export async function findOrphans(client: Client, project: Project): Promise<PoolSchema[]> {
  const types = tenantTypes(project);
  return (await readPool(client, project)).filter(({ mark }) => !types.includes(mark.type));
}

async function lookAtType(
  project: Project,
  type: string | null,
  { files, all }: NewTenantFiles,
  own: readonly PoolSchema[],
  places: ReadonlyMap<string, SurveyedSchema>,
): Promise<PoolLook> {
  const current = await filesDigest(project, files);
  const mark: PoolMark = { shared: project.shared.schema, type, files: current };
  const look: PoolLook = { type, files, all, mark, ready: [], behind: [], outdated: [], unfinished: [] };
  for (const one of own) {
    const place = places.get(one.schema);
    if (one.mark.files === null) look.unfinished.push(one);
    else if (place?.oid !== one.oid || place.error !== undefined) look.outdated.push(one);
    else if (!isBeginning(place.applied, files)) look.outdated.push(one);
    else if (place.applied.length === files.length && one.mark.files === current) look.ready.push(one);
    else if (one.mark.files === (await filesDigest(project, files.slice(0, place.applied.length)))) {
      look.behind.push({ ...one, place });
    } else look.outdated.push(one);
  }
  return look;
}

function isBeginning(applied: readonly string[], files: readonly MigrationFile[]): boolean {
  return applied.every((name, index) => files[index]?.name === name);
}
