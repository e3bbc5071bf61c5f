import type { MigrationChecksum } from '../../engine/compile/checksum.js';
import type { MigrationFile } from '../../engine/types.js';

/** A migrations directory, with the names that schemas have of it. */
export type FileSet = {
  schema: 'shared' | 'tenant';
  /** Tenant type; `null` for the default type and for the shared schema. */
  type: string | null;
  files: readonly MigrationFile[];
  /** Names that are applied to some schema. */
  applied: ReadonlySet<string>;
  /** `applied` is about everybody, so that a name which is not in it is applied to nobody. */
  complete: boolean;
};

/** What the journal knows about an applied migration, once for the whole fleet. */
export type RecordedChecksum = {
  schema: 'shared' | 'tenant';
  type: string | null;
  migration: string;
  method: MigrationChecksum['method'];
  checksum: string;
  fileDigest: string;
  file: string;
  /** The first tenant that it was applied to. */
  tenant: string | null;
  run: number | null;
  /** ISO 8601. */
  firstAppliedAt: string | null;
  firstAppliedBy: string | null;
  /** It had been applied before there was a journal: the file was recorded as it was then. */
  asFound: boolean;
};

/** A file that was edited after it was applied. */
export type ChangedFile = Pick<
  RecordedChecksum,
  'migration' | 'schema' | 'type' | 'firstAppliedAt' | 'firstAppliedBy' | 'tenant' | 'run' | 'asFound'
> & {
  file: string;
  /** False when only its text was compared: what it does may be the same. */
  certain: boolean;
};

/** An applied migration whose file has another name now. */
export type RenamedFile = { schema: 'shared' | 'tenant'; type: string | null; from: string; to: string; file: string };

/** A file whose text is another one than the recorded one, while what it does is the same. */
export type TouchedFile = { recorded: RecordedChecksum; fileDigest: string };

export type Comparison = {
  changed: ChangedFile[];
  renamed: RenamedFile[];
  touched: TouchedFile[];
  /** Applied, with a file, and not recorded yet. */
  unrecorded: { set: FileSet; file: MigrationFile }[];
};

/** Compiles JavaScript migrations in the direction up; a name is missing where that is not possible. */
export type ChecksumOf = (set: FileSet, file: MigrationFile) => Promise<MigrationChecksum | undefined>;
