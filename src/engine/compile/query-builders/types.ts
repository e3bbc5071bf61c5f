import type { BuilderFormat } from '../../types.js';

/** What the caller of a statement can see of its answer. `guarded`: the whole answer, which most migrations do not look at. */
export type Wanted = 'rows' | 'count' | 'guarded';

/** A statement as a query builder sends it. */
export type SentStatement = {
  text: string;
  values: readonly unknown[];
  /** Further settings for node-postgres, such as `rowMode`. */
  options?: object | undefined;
  /** Line of the migration that made it. */
  line: number | undefined;
  wanted: Wanted;
};

/** Where the statements of one migration go while it runs. */
export type BuilderSession = {
  /** Absolute path of the migration. */
  path: string;
  /** It has a transaction around it, which is not the migration's to begin or to end. */
  transaction: boolean;
  /**
   * Answers a statement: with node-postgres's result (a list of them for several statements) from a database; while it
   * is recorded, with a number for `count`, with something that notices being looked at for `guarded`, and never for `rows`.
   */
  answer(statement: SentStatement): Promise<unknown>;
  /** The same for the savepoints of nested transactions, whose names differ each time. */
  savepoint(sql: string): Promise<void>;
  /** Waits for statements that the migration did not wait for, before its transaction is taken away from it. */
  settled(): Promise<void>;
  /** Nothing comes from a database. */
  recording: boolean;
};

/** The query builder of a project, loaded from its packages. */
export type QueryBuilder = {
  format: BuilderFormat;
  /** Folder of the package: its own use of clocks and randomness says nothing about a migration. */
  root: string;
  /** Calls `action` with what the tool hands to its migrations, and waits for it. */
  run(session: BuilderSession, action: (handle: unknown) => unknown): Promise<void>;
};

/** What a migration file exports. */
export type BuilderActions = { up?: unknown; down?: unknown; config?: { transaction?: unknown } };
