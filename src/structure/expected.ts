import { randomBytes } from 'node:crypto';

import type { Client } from 'pg';

import { assertWritable, type ServerInfo } from '../db/server.js';
import type { MigrationFile } from '../engine/types.js';
import type { Cohort } from '../fleet/cohorts.js';
import type { Project } from '../project/project.js';
import { buildSchema, planFromNothing } from './build-schema.js';
import { itemsOf } from './read-structure.js';
import type { Item, Level } from './types.js';

/**
 * What the files would make of a tenant that has these migrations: they are run in a schema of their own, in a transaction that is
 * rolled back. Migrations that cannot run in one are run without CONCURRENTLY, for the same result.
 *
 * The statements lock the shared tables that they refer to, as those of a new tenant do, until the schema has been looked at.
 *
 * @throws TenantsError MIGRATION_REFUSED, or MIGRATION_FAILED with the migration that did not run; DATABASE_REFUSED on a standby.
 */
export async function buildExpected(
  client: Client,
  project: Project,
  server: ServerInfo,
  { cohort, files }: { cohort: Cohort; files: readonly MigrationFile[] },
  level: Level,
): Promise<Item[]> {
  assertWritable(server);
  const plan = await planFromNothing(client, project, {
    type: cohort.type,
    files,
    names: cohort.asFiles ?? cohort.applied,
  });
  const schema = `tenants_expected_${randomBytes(6).toString('hex')}`;
  await client.query('BEGIN');
  try {
    await buildSchema(client, project, { schema, plan, files });
    return await itemsOf(client, schema, level, server.version);
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}
