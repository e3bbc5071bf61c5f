import type { Direction } from '../types.js';

/** What lies in a migrations directory. */
export type FormatFolder = {
  /** Absolute path. */
  directory: string;
  /** Names of files and of links to files, in no order; without dot files and what `ignorePattern` leaves out. */
  files: string[];
  /** Names of folders, in no order. */
  folders: string[];
};

/** A migration of a format of your own. */
export type FormatMigration = {
  /** The key of the bookkeeping, unique in the directory; what `--to` takes. */
  name: string;
  /** The file, absolute or relative to the directory. */
  path: string;
  /** The file that undoes it, where that is another one. */
  downPath?: string | undefined;
};

/** SQL to send, and the line of the file in which it begins, from 1; errors are reported with it. */
export type FormatStatement = string | { sql: string; line?: number | undefined };

/** What a migration does in one direction. */
export type FormatScript = {
  statements: FormatStatement[];
  /** Whether it runs inside a transaction. Default: `true`. */
  transaction?: boolean | undefined;
};

/**
 * A format of migrations of your own: the default export of the module that `tenants.format` or `shared.format` names, or the
 * one named `format`. Every command that reads migrations loads it; workers do not, because they are handed the statements.
 */
export type CustomFormat = {
  /** What messages call the format. */
  name: string;
  /** The migrations of a directory, in the order in which they run. Must not depend on anything but the directory. */
  list(folder: FormatFolder): FormatMigration[] | Promise<FormatMigration[]>;
  /**
   * What a migration does in one direction, the same for every tenant; `undefined` when it has nothing for that direction.
   *
   * An error that it throws refuses the migration before anything runs; a `line` of the error tells where in the file.
   *
   * @param text of `path`, or of `downPath` for the direction `down`, as UTF-8
   */
  read(
    migration: FormatMigration,
    direction: Direction,
    text: string,
  ): FormatScript | undefined | Promise<FormatScript | undefined>;
  /** How a migration is made, in a sentence; `create-migration` answers with it. */
  howToCreate?: string | undefined;
};
