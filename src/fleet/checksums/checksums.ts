import type { Client } from 'pg';

import { assertOwn } from '../../db/own-session.js';
import { assertWritable } from '../../db/server.js';
import { fileDigest } from '../../engine/file-digest.js';
import { listMigrationFiles } from '../../engine/files.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { checksumAsFound, compareFiles } from '../../journal/checksums/compare.js';
import { acceptChecksum, readChecksums } from '../../journal/checksums/store.js';
import type { ChangedFile, ChecksumOf, FileSet, RecordedChecksum, RenamedFile } from '../../journal/checksums/types.js';
import type { JournalPlace } from '../../journal/place/inspect.js';
import { requireJournal } from '../../journal/place/open-for-reading.js';
import { sendToJournal } from '../../journal/write/send.js';
import type { Project } from '../../project/project.js';
import { inspectRegistry } from '../../registry/check.js';
import { withSession } from '../../session/control-session.js';
import { didYouMean, nearestNames } from '../../util/nearest.js';
import { sharedSource, tenantSource, tenantTypes } from '../migration-sources.js';
import { readFleet } from '../read-fleet.js';
import { readShared } from '../read-shared.js';
import { chooseTenants } from '../selection.js';
import { checksumCompiler } from './compile-checksum.js';

export type ChecksumsOptions = {
  /** Take the files of these migrations, as they are now, for what was applied. */
  accept?: readonly string[];
};

/** What differs between the files and what was applied of them. */
export type ChecksumsReport = {
  changed: ChangedFile[];
  renamed: RenamedFile[];
  /** Migrations that were compared. */
  recorded: number;
  /** Migrations whose files were accepted. */
  accepted: string[];
};

/**
 * Compares the migration files with what was applied of them. JavaScript migrations are compiled for that, which runs them
 * without a database.
 *
 * @throws TenantsError USAGE when the journal is switched off; UNKNOWN_MIGRATION for a name to accept that is not recorded;
 *   JOURNAL_UNUSABLE, MIGRATIONS_UNREADABLE.
 */
export async function checksums(project: Project, options: ChecksumsOptions = {}): Promise<ChecksumsReport> {
  const { accept = [] } = options;
  return await withSession(project, 'checksums', async ({ client, server, session }) => {
    const place = await requireJournal(client, project, accept.length > 0 ? 'write' : 'read');
    const recorded = place === undefined ? [] : await readChecksums(client, place.schema);
    assertRecorded(accept, recorded);
    const compile = checksumCompiler(project);
    const sets = await readSets(client, project);
    if (place !== undefined && accept.length > 0) {
      assertWritable(server);
      assertOwn(session);
      await acceptAll(client, place, { accept, recorded, sets, compile });
    }
    const now = place === undefined ? [] : await readChecksums(client, place.schema);
    const { changed, renamed } = await compareFiles(now, sets, { compile, thorough: true });
    return { changed, renamed, recorded: now.length, accepted: [...accept] };
  });
}

function assertRecorded(names: readonly string[], recorded: readonly RecordedChecksum[]): void {
  const known = new Set(recorded.map(({ migration }) => migration));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new TenantsError('UNKNOWN_MIGRATION', `No checksum is recorded for ${unknown.join(', ')}.`, {
    suggestions: [
      ...didYouMean([...new Set(unknown.flatMap((name) => nearestNames(name, known)))]),
      'A migration is named by its file name without the extension, such as 0004_add_invoices.',
    ],
  });
}

async function acceptAll(
  client: Client,
  place: JournalPlace,
  work: {
    accept: readonly string[];
    recorded: readonly RecordedChecksum[];
    sets: readonly FileSet[];
    compile: ChecksumOf;
  },
): Promise<void> {
  const items = [];
  for (const set of work.sets) {
    for (const file of set.files.filter(({ name }) => work.accept.includes(name))) {
      const record = work.recorded.find(
        (one) => one.schema === set.schema && one.type === set.type && one.migration === file.name,
      );
      if (record === undefined) continue;
      const compiled = record.method === 'compiled' ? await work.compile(set, file) : undefined;
      const current = compiled ?? (await checksumAsFound(file));
      items.push(
        acceptChecksum(place.schema, record, { ...current, fileDigest: await fileDigest(file), file: file.path }),
      );
    }
  }
  await sendToJournal(client, place, items);
}

/** All directories of the project, with what is applied of them. */
async function readSets(client: Client, project: Project): Promise<FileSet[]> {
  const shared = await readShared(client, project);
  const present = (await inspectRegistry(client, project.registry)) === 'present';
  const fleet = present ? await readFleet(client, project, { choose: chooseTenants(project, {}) }) : undefined;
  const types = tenantTypes(project);
  const tenants = types.map(async (type): Promise<FileSet> => {
    const cohorts = fleet?.cohorts.filter((cohort) => cohort.type === type) ?? [];
    return {
      schema: 'tenant',
      type,
      files: await listMigrationFiles(tenantSource(project, type)),
      applied: new Set(cohorts.flatMap((cohort) => cohort.applied)),
      complete: false,
    };
  });
  const files = await listMigrationFiles(sharedSource(project));
  const own: FileSet = {
    schema: 'shared',
    type: null,
    files,
    applied: new Set(shared.surveyed.applied),
    complete: false,
  };
  return [own, ...(await Promise.all(tenants))];
}
