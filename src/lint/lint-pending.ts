import type { Client } from 'pg';

import type { MigrationFile } from '../engine/types.js';
import { sharedSource, tenantSource } from '../fleet/migration-sources.js';
import type { Project } from '../project/project.js';
import { finish, lintFiles } from './lint-migrations.js';
import { readSizes } from './sizes/read-sizes.js';
import type { LintFinding, LintSet } from './types.js';

/** Migrations that a run would apply. */
export type Pending = { files: readonly MigrationFile[]; names: readonly string[] };

/**
 * What `lint` finds in the migrations that are pending, with sizes from the database.
 *
 * @param tenants by tenant type
 * @throws TenantsError MIGRATIONS_UNREADABLE.
 */
export async function lintPending(
  client: Client,
  project: Project,
  shared: Pending,
  tenants: ReadonlyMap<string | null, Pending>,
): Promise<LintFinding[]> {
  const sets: LintSet[] = [
    { schema: 'shared', type: null, source: sharedSource(project), ...chosen(shared) },
    ...[...tenants].map(([type, pending]): LintSet => ({
      schema: 'tenant',
      type,
      source: tenantSource(project, type),
      ...chosen(pending),
    })),
  ];
  if (sets.every(({ wanted }) => wanted.size === 0)) return [];
  const found = await lintFiles(project, sets);
  if (found.found.length === 0) return [];
  return finish(found, await readSizes(client, project, found.tables)).findings;
}

function chosen({ files, names }: Pending): Pick<LintSet, 'files' | 'wanted'> {
  return { files: [...files], wanted: new Set(names) };
}
