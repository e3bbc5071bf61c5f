import type { MigrationChecksum } from '../../engine/compile/checksum.js';
import { fileDigest } from '../../engine/file-digest.js';
import type { CompiledMigration, MigrationFile, Plan } from '../../engine/types.js';
import { checksumAsFound } from '../../journal/checksums/compare.js';
import type { NewChecksum } from '../../journal/checksums/store.js';
import type { FileSet } from '../../journal/checksums/types.js';

type Where = Pick<FileSet, 'schema' | 'type'>;

/** What is recorded of a migration that a plan is about to apply. */
export async function plannedChecksum(
  where: Where,
  file: MigrationFile,
  { fake }: Pick<Plan, 'fake'>,
  migration: CompiledMigration,
): Promise<NewChecksum> {
  const { compiledChecksum } = await import('../../engine/compile/checksum.js');
  // Of what is not run, the plan has no statements.
  const checksum =
    fake || migration.replaces !== undefined ? await checksumAsFound(file) : await compiledChecksum(file, migration);
  return await newChecksum(where, file, checksum, false);
}

/** What is recorded of a file. */
export async function newChecksum(
  { schema, type }: Where,
  file: MigrationFile,
  checksum: MigrationChecksum,
  asFound: boolean,
): Promise<NewChecksum> {
  return {
    ...checksum,
    schema,
    type,
    migration: file.name,
    fileDigest: await fileDigest(file),
    file: file.path,
    asFound,
  };
}

/**
 * Checksums of everything that a new tenant gets and that is not recorded yet.
 *
 * @param recorded names of the type that are
 */
export async function checksumsOfPlan(
  plan: Plan,
  files: readonly MigrationFile[],
  recorded: ReadonlySet<string>,
): Promise<NewChecksum[]> {
  const type = plan.scope.kind === 'tenants' ? plan.scope.type : null;
  const due = plan.segments
    .flatMap(({ migrations }) => migrations)
    .filter(({ name }) => !recorded.has(name))
    .flatMap((migration) => {
      const file = files.find(({ name }) => name === migration.name);
      return file === undefined ? [] : [plannedChecksum({ schema: 'tenant', type }, file, plan, migration)];
    });
  return await Promise.all(due);
}
