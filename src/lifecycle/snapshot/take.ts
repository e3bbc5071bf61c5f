import type { Client } from 'pg';

import { assertOwn } from '../../db/own-session.js';
import type { ServerInfo } from '../../db/server.js';
import { assertWritable } from '../../db/server.js';
import { readShared } from '../../fleet/read-shared.js';
import { assertSharedCurrent, compareShared } from '../../fleet/shared-schema.js';
import type { Project } from '../../project/project.js';
import { assertRegistry } from '../../registry/check.js';
import { withSession } from '../../session/control-session.js';
import { writeMigrations } from '../../structure/write-migrations.js';
import { filesDigest } from '../files-digest.js';
import { type NewTenantFiles, newTenantFilesByType } from '../new-tenant/files.js';
import { writeSnapshots } from './store.js';
import type { SnapshotOptions, SnapshotReport, StoredSnapshot } from './types.js';
import { actingRole } from './use.js';

/**
 * Stores what the migrations of each type make of an empty schema, structure and rows, for new tenants. It is computed in schemas that
 * are rolled back, and proven to be the same.
 *
 * @throws TenantsError NOT_REPRODUCIBLE with every difference, where the result cannot be written as SQL; SHARED_PENDING; USAGE or
 *   JOURNAL_UNUSABLE where it cannot be stored; and what running the migrations throws. Nothing is stored then.
 */
export async function snapshot(project: Project, options: SnapshotOptions = {}): Promise<SnapshotReport> {
  const startedAt = performance.now();
  const { file = project.snapshot?.file, onEvent } = options;
  onEvent?.({ type: 'phase', phase: 'connect' });
  return await withSession(project, 'snapshot', async ({ client, server, session }) => {
    assertWritable(server);
    assertOwn(session);
    await assertRegistry(client, project.registry);
    assertSharedCurrent(compareShared(await readShared(client, project), project.checkOrder), 'pool');
    onEvent?.({ type: 'phase', phase: 'compile' });
    const taken: { stored: StoredSnapshot; defaults: string[] }[] = [];
    for (const [type, given] of await newTenantFilesByType(client, project)) {
      taken.push(await takeOne(client, project, server, type, given));
    }
    const stored = taken.map((one) => one.stored);
    await writeSnapshots(client, project, file, stored);
    return {
      durationMs: Math.round(performance.now() - startedAt),
      file: file ?? null,
      snapshots: taken.map(({ stored: { type, migrations, sql }, defaults }) => ({
        type,
        last: migrations.at(-1) ?? null,
        migrations: migrations.length,
        bytes: Buffer.byteLength(sql),
        defaults,
      })),
    };
  });
}

async function takeOne(
  client: Client,
  project: Project,
  server: ServerInfo,
  type: string | null,
  { files, all }: NewTenantFiles,
): Promise<{ stored: StoredSnapshot; defaults: string[] }> {
  const migrations = files.map(({ name }) => name);
  const { statements, defaults } = await writeMigrations(client, project, server, {
    type,
    files: all,
    names: migrations,
  });
  const stored: StoredSnapshot = {
    format: 1,
    type,
    migrations,
    files: await filesDigest(project, files),
    server: Math.floor(server.version / 10_000),
    owner: await actingRole(client, project),
    sql: statements.join('\n'),
  };
  return { stored, defaults };
}
