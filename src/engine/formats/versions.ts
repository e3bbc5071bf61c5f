import { join } from 'node:path';

import { migrationName } from '../../util/migration-files.js';
import type { FormatName, MigrationFile } from '../types.js';
import { type Folder, unreadableFolder } from './folder.js';

/** A file of a format that orders by number. */
export type Versioned = { fileName: string; name: string; version: string; downFile?: string };

/** Splits a dotted or plain number from the beginning of a name, such as `0001` of `0001_users.sql`. */
export function leadingNumber(name: string): string | undefined {
  return /^\d+/.exec(name)?.[0];
}

/** Compares version numbers part by part, as numbers: 2 comes before 10, and 1.2 before 1.10. */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [one, other].map((version) => version.split(/[._]/));
  for (let at = 0; at < Math.max(left?.length ?? 0, right?.length ?? 0); at += 1) {
    const [a, b] = [BigInt(left?.[at] || 0), BigInt(right?.[at] || 0)];
    if (a !== b) return a < b ? -1 : 1;
  }
  return 0;
}

/**
 * Files in the order of their versions.
 *
 * @throws TenantsError MIGRATIONS_UNREADABLE for two files with the same version.
 */
export function inOrderOfVersions(
  { directory }: Pick<Folder, 'directory'>,
  versioned: readonly Versioned[],
  format: FormatName,
): MigrationFile[] {
  const sorted = versioned.toSorted((one, other) => compareVersions(one.version, other.version));
  const problems = sorted.flatMap((one, index) => {
    const before = sorted[index - 1];
    if (before === undefined || compareVersions(before.version, one.version) !== 0) return [];
    return [`${before.fileName} and ${one.fileName} both have the version ${one.version}`];
  });
  if (problems.length > 0) {
    throw unreadableFolder(
      directory,
      `${problems.join('; ')}.`,
      ['Give one of them another number; which of the two comes first cannot be told.'],
      problems,
    );
  }
  return sorted.map(({ fileName, name, downFile }) => ({
    name,
    path: join(directory, fileName),
    format,
    ...(downFile === undefined ? {} : { downPath: join(directory, downFile) }),
  }));
}

/**
 * Files that begin with a number, in the order of their numbers.
 *
 * @param like a name that would do, for the error
 * @throws TenantsError MIGRATIONS_UNREADABLE for files without a number, and for two with the same one.
 */
export function inOrderOfNumbers(
  folder: Pick<Folder, 'directory'>,
  files: readonly string[],
  format: FormatName,
  like: string,
): MigrationFile[] {
  const unnumbered = files.filter((name) => leadingNumber(name) === undefined);
  if (unnumbered.length > 0) throw withoutNumber(folder, unnumbered.toSorted(), like);
  const versioned = files.map((fileName) => ({
    fileName,
    name: migrationName(fileName),
    version: leadingNumber(fileName) ?? '',
  }));
  return inOrderOfVersions(folder, versioned, format);
}

/** The error for files that have no number to be ordered by. */
export function withoutNumber({ directory }: Pick<Folder, 'directory'>, names: readonly string[], like: string): Error {
  const have = names.length === 1 ? 'has' : 'have';
  return unreadableFolder(
    directory,
    `${names.join(', ')} ${have} no number at the beginning.`,
    [`Name the files like ${like}, or leave them out with \`ignorePattern\`.`],
    names.map((name) => `${name} has no number at the beginning`),
  );
}
