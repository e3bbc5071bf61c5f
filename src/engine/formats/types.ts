import type { BuilderFormat, Direction, FormatName, MigrationFile } from '../types.js';
import type { Folder } from './folder.js';

/** A stretch of a file that is sent to the server, and the line of the file in which it begins, from 1. */
export type ScriptPart = { text: string; line: number };

/** What a file says about one direction. */
export type Script = {
  parts: ScriptPart[];
  /** False when the file asks to run outside a transaction. */
  transaction: boolean;
  /** The text whose `-- tenants:` comments count for this direction. */
  comments: string;
};

/** What holds for every format: which migrations a folder has, and what people call it. */
export type ListedFormat = {
  name: FormatName;
  /** What people call it, where the table of titles cannot know. */
  title?: string;
  /** How a migration is made in this format, as a suggestion. */
  howToCreate: string;
  /**
   * The migrations of a folder, in the order in which the tool applies them.
   *
   * @throws TenantsError MIGRATIONS_UNREADABLE for what the tool itself would refuse, and for what has no meaning here.
   */
  list(folder: Folder): Promise<MigrationFile[]>;
};

/** How one tool lays out migrations whose files say what is sent. All of it reads files and runs nothing of them. */
export type MigrationFormat = ListedFormat & {
  /**
   * Takes the text of a file apart.
   *
   * @param text of `file.path`, or of `file.downPath` for the direction down where there is one.
   * @returns `undefined` when the file has nothing for the direction.
   * @throws ScriptError
   */
  script(file: MigrationFile, text: string, direction: Direction): Script | undefined | Promise<Script | undefined>;
  /**
   * The tool writes the SQL, and names with the application's schema only what is in the same folder: `public.users` is
   * then the folder's `users`, even where that was created without a schema.
   */
  generated: boolean;
};

/** What is wrong with a text, and in which line of the file. */
export class ScriptError extends Error {
  constructor(
    message: string,
    readonly line: number,
  ) {
    super(message);
  }
}

/** Whether migrations of a format are run to find out what they send. */
export function isBuilderFormat(format: FormatName | undefined): format is BuilderFormat {
  return format === 'knex' || format === 'kysely';
}
