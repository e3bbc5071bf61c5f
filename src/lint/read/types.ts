import type { Node } from 'libpg-query';

import type { RefusalKind } from '../../engine/sql/types.js';
import type { MigrationFile } from '../../engine/types.js';

/** A place in a file; `line` and `column` count from 1, `offset` UTF-16 units of the text from 0. */
export type Place = { line: number | undefined; column: number | undefined; offset: number | undefined };

export type ReadStatement = {
  /** On one line, shortened. */
  sql: string;
  node: Node;
  /** The place of a byte offset of the parse tree; without one, where the statement begins. */
  place(at: number | undefined): Place;
  /** Where it ends in the file, in UTF-16 units; `undefined` for statements of scripts. */
  end: number | undefined;
};

/** A statement, or a whole file, that `migrate` would not take. */
export type ReadRefusal = {
  /** `syntax`: the grammar does not accept it, which `migrate` leaves to the server. */
  kind: RefusalKind | 'syntax';
  reason: string;
  statement: string;
  line: number | undefined;
  column: number | undefined;
};

/** What a file does in one direction, as far as it can be known. */
export type ReadDirection =
  /** `missing`: there is nothing to run in this direction. `failed`: the code of a script threw. */
  | { kind: 'missing' | 'failed'; message: string }
  | {
      kind: 'read';
      /** The file, which is another one for the way down in some formats, and what stands in it. */
      path: string;
      text: string;
      transaction: boolean;
      /** Why statements are missing: the migration asks the database and goes on with its answer. */
      asked: string | undefined;
      statements: ReadStatement[];
      refusals: ReadRefusal[];
    };

export type ReadMigration = {
  file: MigrationFile;
  up: ReadDirection | undefined;
  /** Only of files that are reported on. */
  down: ReadDirection | undefined;
};
