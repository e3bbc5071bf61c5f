import type { Client } from 'pg';

import { listMigrationFiles } from '../../engine/files.js';
import { type Phase, postNames } from '../../engine/phases.js';
import { appliedAsFiles } from '../../engine/replaced.js';
import type { MigrationFile } from '../../engine/types.js';
import { isTenantsError } from '../../errors/tenants-error.js';
import { tenantSource, tenantTypes } from '../../fleet/migration-sources.js';
import { surveySchemas } from '../../fleet/survey.js';
import type { Project } from '../../project/project.js';
import { isRowTenant, readTenants } from '../../registry/list.js';
import { firstFew } from '../../util/format-count.js';

/** The migrations that new tenants of a type get. */
export type NewTenantFiles = {
  /** A beginning of `all`. */
  files: MigrationFile[];
  all: MigrationFile[];
};

/** Tenants that are looked at first: as soon as the change has reached one of them, the others need no look. */
const FIRST_LOOK = 20;
const CONNECTIONS = 4;

/**
 * New tenants get what the fleet has. A migration that waits for the new code is left out, with those after it, as long as no tenant of the
 * type has it: the code that runs may still be the old one. Once a tenant has it, somebody has said that the new code runs everywhere.
 * The first tenant of a type gets everything.
 *
 * @param phase `post` leaves nothing out, and `pre` also where there are no tenants yet
 */
export async function newTenantFiles(
  client: Client,
  project: Project,
  type: string | null,
  phase?: Phase,
): Promise<NewTenantFiles> {
  const all = await listMigrationFiles(tenantSource(project, type));
  const post = postNames(all);
  if (post.size === 0 || phase === 'post') return { files: all, all };
  const tenants = await schemasOfType(client, project, type);
  if (tenants.length === 0 && phase === undefined) return { files: all, all };
  const unseen = new Set(post);
  for (const batch of [tenants.slice(0, FIRST_LOOK), tenants.slice(FIRST_LOOK)]) {
    if (batch.length === 0 || unseen.size === 0) break;
    const { concurrency: connections = CONNECTIONS, database, migrationsTable } = project;
    const surveyed = await surveySchemas(client, database, batch, migrationsTable, { connections });
    for (const list of new Set(surveyed.map(({ applied }) => applied))) {
      for (const name of appliedAsFiles(all, list)) unseen.delete(name);
    }
  }
  const end = all.findIndex(({ name }) => unseen.has(name));
  return { files: end === -1 ? all : all.slice(0, end), all };
}

/** What new tenants of each type get. Where all tenants have a type, the default one need not have a directory. */
export async function newTenantFilesByType(
  client: Client,
  project: Project,
): Promise<Map<string | null, NewTenantFiles>> {
  const found = new Map<string | null, NewTenantFiles>();
  for (const type of tenantTypes(project)) {
    try {
      found.set(type, await newTenantFiles(client, project, type));
    } catch (error) {
      const may = type === null && project.tenants.types !== undefined;
      if (!may || !isTenantsError(error) || error.code !== 'MIGRATIONS_UNREADABLE') throw error;
    }
  }
  return found;
}

/** What should be said about migrations that a new tenant does not get; nothing where it gets all. */
export function leftOutMessage({ files, all }: NewTenantFiles): string | undefined {
  const names = all.slice(files.length).map(({ name }) => name);
  if (names.length === 0) return undefined;
  const shown = firstFew(names);
  const are = names.length === 1 ? 'is' : 'are';
  return `${shown} ${are} left out: no tenant has ${names[0] ?? ''} yet, which waits until the new code runs everywhere. --phase post applies everything.`;
}

async function schemasOfType(client: Client, project: Project, type: string | null): Promise<string[]> {
  const { registry, tenants } = project;
  const registered = await readTenants(client, registry, { order: tenants.order });
  return registered
    .filter((tenant) => tenant.type === type && !isRowTenant(registry, tenant) && tenant.schema !== registry.schema)
    .map(({ schema }) => schema);
}
