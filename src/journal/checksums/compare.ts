import { extname } from 'node:path';

import type { MigrationChecksum } from '../../engine/compile/checksum.js';
import { fileDigest } from '../../engine/file-digest.js';
import type { MigrationFile } from '../../engine/types.js';
import type { ChangedFile, ChecksumOf, Comparison, FileSet, RecordedChecksum, RenamedFile } from './types.js';

/**
 * Compares migration files with what is recorded of them.
 *
 * A file with the recorded bytes is the same. Of another one the checksum decides: of SQL files it is had without running
 * anything; of JavaScript only with `compile`, and without it such a file counts as changed, but not for certain.
 *
 * @param options.thorough also compile JavaScript files that have the recorded bytes: what they import may have changed
 */
export async function compareFiles(
  recorded: readonly RecordedChecksum[],
  sets: readonly FileSet[],
  options: { compile?: ChecksumOf; thorough?: boolean } = {},
): Promise<Comparison> {
  const result: Comparison = { changed: [], renamed: [], touched: [], unrecorded: [] };
  for (const set of sets) {
    const records = new Map(recorded.filter((one) => isOf(one, set)).map((one) => [one.migration, one]));
    for (const file of set.files) {
      const record = records.get(file.name);
      if (record !== undefined && isInUse(record, set)) await compareFile(result, set, file, record, options);
      else if (record === undefined && set.applied.has(file.name)) result.unrecorded.push({ set, file });
    }
    result.renamed.push(...(await findRenamed(set, records)));
  }
  return result;
}

/** Whether a record is about a file of the directory. */
function isOf({ schema, type }: RecordedChecksum, set: FileSet): boolean {
  return schema === set.schema && type === set.type;
}

/** Applied to nobody any more, a file may be edited. */
function isInUse({ migration, asFound, firstAppliedAt }: RecordedChecksum, { applied, complete }: FileSet): boolean {
  if (applied.has(migration)) return true;
  return !complete && (asFound || firstAppliedAt !== null);
}

async function compareFile(
  result: Comparison,
  set: FileSet,
  file: MigrationFile,
  record: RecordedChecksum,
  { compile, thorough = false }: { compile?: ChecksumOf; thorough?: boolean },
): Promise<void> {
  const digest = await fileDigest(file);
  const sameBytes = digest === record.fileDigest;
  if (sameBytes && !(thorough && record.method === 'compiled')) return;
  const current = await checksumNow(set, file, record, compile);
  if (current !== undefined && current.method === record.method && current.checksum === record.checksum) {
    if (!sameBytes) result.touched.push({ recorded: record, fileDigest: digest });
    return;
  }
  // A file that cannot be compiled any more, and has the recorded bytes, is not the one that has changed.
  if (sameBytes && current === undefined) return;
  result.changed.push(changedFile(record, file, current !== undefined));
}

async function checksumNow(
  set: FileSet,
  file: MigrationFile,
  record: RecordedChecksum,
  compile: ChecksumOf | undefined,
): Promise<MigrationChecksum | undefined> {
  if (record.method === 'file') return { method: 'file', checksum: await fileDigest(file) };
  if (isSql(file)) return await checksumOfSql(file);
  return await compile?.(set, file);
}

async function checksumOfSql(file: MigrationFile): Promise<MigrationChecksum> {
  const { sqlFileChecksum } = await import('../../engine/compile/checksum.js');
  return await sqlFileChecksum(file);
}

function changedFile(record: RecordedChecksum, { path: file }: MigrationFile, certain: boolean): ChangedFile {
  const { migration, schema, type, firstAppliedAt, firstAppliedBy, tenant, run, asFound } = record;
  return { migration, schema, type, firstAppliedAt, firstAppliedBy, tenant, run, asFound, file, certain };
}

/** Applied migrations without a file, of which a new file has the content. */
async function findRenamed(set: FileSet, records: ReadonlyMap<string, RecordedChecksum>): Promise<RenamedFile[]> {
  const names = new Set(set.files.map(({ name }) => name));
  const replaced = new Set(set.files.flatMap(({ replaces = [] }) => replaces));
  const missing = [...records.values()].filter(
    ({ migration }) => !names.has(migration) && !replaced.has(migration) && set.applied.has(migration),
  );
  if (missing.length === 0) return [];
  const renamed: RenamedFile[] = [];
  for (const file of set.files.filter(({ name }) => !records.has(name) && !set.applied.has(name))) {
    const digest = await fileDigest(file);
    const same = missing.find((one) => one.fileDigest === digest) ?? (await sameTree(file, missing));
    if (same === undefined) continue;
    renamed.push({ schema: set.schema, type: set.type, from: same.migration, to: file.name, file: file.path });
  }
  return renamed;
}

async function sameTree(
  file: MigrationFile,
  missing: readonly RecordedChecksum[],
): Promise<RecordedChecksum | undefined> {
  if (!isSql(file)) return undefined;
  const { checksum } = await checksumOfSql(file);
  return missing.find((one) => one.method === 'parse-tree' && one.checksum === checksum);
}

function isSql({ path }: MigrationFile): boolean {
  return extname(path).toLowerCase() === '.sql';
}

/** The checksum of a file as it is, without running it. */
export async function checksumAsFound(file: MigrationFile): Promise<MigrationChecksum> {
  return isSql(file) ? await checksumOfSql(file) : { method: 'file', checksum: await fileDigest(file) };
}
