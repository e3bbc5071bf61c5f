import type { Client } from 'pg';

import type { Plan } from '../engine/types.js';
import { TenantsError } from '../errors/tenants-error.js';
import { checksumCompiler } from '../fleet/checksums/compile-checksum.js';
import { fileSets } from '../fleet/checksums/file-sets.js';
import { newChecksum, plannedChecksum } from '../fleet/checksums/new-checksum.js';
import { checksumAsFound, compareFiles } from '../journal/checksums/compare.js';
import { describeComparison } from '../journal/checksums/describe.js';
import { type NewChecksum, readChecksums } from '../journal/checksums/store.js';
import type { Comparison, FileSet, RecordedChecksum, TouchedFile } from '../journal/checksums/types.js';
import { findJournal } from '../journal/place/open-for-reading.js';
import { isRestricted } from '../registry/select.js';
import { plural } from '../util/format-count.js';
import type { Planned } from './compile-phase.js';
import type { RunRequest, Surveyed } from './survey-phase.js';

/** What the comparison of the files with what was applied of them has shown. */
export type CheckedFiles = Comparison & {
  sets: FileSet[];
  recorded: RecordedChecksum[];
  /** What people should know. */
  warnings: string[];
};

/** What a run records about files. */
export type FilesToRecord = { checksums: NewChecksum[]; touched: TouchedFile[] };

/**
 * Compares the migration files with what was applied of them, in the direction up.
 *
 * @throws TenantsError MIGRATION_CHANGED where the configuration makes an edited file an error.
 */
export async function checkFiles(
  client: Client,
  { project, options, direction }: RunRequest,
  { shared, fleet }: Surveyed,
): Promise<CheckedFiles | undefined> {
  if (project.checksums === 'off' || project.journal === false || direction.direction === 'down') return undefined;
  const place = await findJournal(client, project).catch(() => undefined);
  const recorded = place === undefined ? [] : await readChecksums(client, place.schema).catch(() => []);
  const sets = fileSets(
    shared,
    fleet,
    options.selection.kind === 'all' || (options.selection.kind === 'tenants' && !isRestricted(options.selection)),
  );
  const comparison = await compareFiles(recorded, sets, { compile: checksumCompiler(project) }).catch(
    (error: Error) => {
      if (project.checksums === 'error') throw error;
      // A file that cannot be read is refused when it is to be run.
      return undefined;
    },
  );
  if (comparison === undefined) return undefined;
  const warnings = describeComparison(comparison, project.root);
  if (comparison.changed.length > 0 && project.checksums === 'error') throw changedError(comparison, warnings);
  return { ...comparison, sets, recorded, warnings };
}

function changedError({ changed }: Comparison, problems: string[]): TenantsError {
  const files = plural(changed.length, 'migration file was', 'migration files were');
  return new TenantsError('MIGRATION_CHANGED', `${files} edited after it was applied; nothing was touched.`, {
    problems,
    suggestions: [
      'Put the change into a new migration and restore the file.',
      'Or set checksums to "warn" in the configuration.',
    ],
  });
}

/** What is to be recorded: of what is about to be applied, and of what was applied before it was recorded. */
export async function filesToRecord(
  checked: CheckedFiles | undefined,
  planned: Omit<Planned, 'planner'>,
): Promise<FilesToRecord> {
  const nothing = { checksums: [], touched: [] };
  // A run does not fail because of its record.
  return checked === undefined ? nothing : await checksumsOf(checked, planned).catch(() => nothing);
}

async function checksumsOf(checked: CheckedFiles, planned: Omit<Planned, 'planner'>): Promise<FilesToRecord> {
  const { sets, recorded, unrecorded, touched } = checked;
  const found = unrecorded.map(async ({ set, file }) => newChecksum(set, file, await checksumAsFound(file), true));
  const tenantPlans = (planned.tenants ?? []).flatMap((one) => (one.kind === 'run' ? [one.plan] : []));
  const plans = [...(planned.shared === undefined ? [] : [planned.shared]), ...tenantPlans];
  const due = new Map<string, Promise<NewChecksum>>();
  for (const plan of plans) {
    const set = sets.find((one) => isOf(one, plan));
    if (set === undefined) continue;
    for (const migration of plan.segments.flatMap((segment) => segment.migrations)) {
      const file = set.files.find(({ name }) => name === migration.name);
      const key = JSON.stringify([set.schema, set.type, migration.name]);
      if (file === undefined || due.has(key) || isKept(recorded, set, migration.name)) continue;
      due.set(key, plannedChecksum(set, file, plan, migration));
    }
  }
  return { checksums: await Promise.all([...found, ...due.values()]), touched };
}

/** What should be said about files that were applied before there was a record of them. */
export function asFoundWarning(checked: CheckedFiles | undefined): string[] {
  const { unrecorded = [] } = checked ?? {};
  if (unrecorded.length === 0) return [];
  const files = plural(unrecorded.length, 'applied migration file');
  return [
    `The checksums of ${files} were recorded as the files are now: they were applied before, and edits until now go unnoticed.`,
  ];
}

function isOf({ schema, type }: FileSet, { scope }: Plan): boolean {
  return scope.kind === 'shared' ? schema === 'shared' : schema === 'tenant' && type === scope.type;
}

/** It is applied to someone already: that record counts. */
function isKept(
  recorded: readonly RecordedChecksum[],
  { schema, type, applied, complete }: FileSet,
  name: string,
): boolean {
  if (applied.has(name)) return true;
  const known = recorded.find((one) => one.schema === schema && one.type === type && one.migration === name);
  return known !== undefined && !complete && (known.asFound || known.firstAppliedAt !== null);
}
