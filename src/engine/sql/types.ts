import type { DdlTarget, Statement } from '../types.js';

/** Where a text comes from, for messages. */
export type SqlContext = {
  migration: string;
  file: string;
  /** Line of the file in which the text begins, from 1; absent for text that JavaScript made. */
  firstLine?: number;
};

export type RefusalKind =
  | 'transactionControl'
  | 'transactionMode'
  | 'copyStdio'
  | 'psqlCommand'
  | 'nulCharacter'
  | 'encoding'
  /** Never made here: the file is not what its format asks for. */
  | 'format'
  /** Never made here: the folder of another tool names an object with a schema, and which one it means is not certain. */
  | 'qualifier'
  /** Never made here: the compile decides about `Analysis.extensions`. */
  | 'createExtension'
  /** Never made here: the compile decides about `Analysis.outsideTransaction`. */
  | 'outsideTransaction'
  /** Never made here: whether `Analysis.changesOutside` is refused depends on the configuration and the file. */
  | 'changesOutside';

/** A statement that must not reach a tenant. Plain JSON. */
export type Refusal = {
  migration: string;
  file: string;
  line?: number;
  kind: RefusalKind;
  /** One sentence. */
  reason: string;
  /** The statement on one line, shortened. */
  statement: string;
  extension?: string;
};

/** An object that a text creates under an unqualified name. */
export type CreatedName = { kind: DdlTarget['kind']; name: string };

/** What one text of SQL would do, as far as its grammar shows. */
export type Analysis = {
  statements: Statement[];
  refusals: Refusal[];
  warnings: string[];
  /** Unqualified DDL targets that the text does not create itself. */
  targets: DdlTarget[];
  creates: CreatedName[];
  extensions: { name: string; ifNotExists: boolean; line?: number }[];
  /** Statements that the server refuses inside a transaction block. */
  outsideTransaction: { line?: number; statement: string; what: string }[];
  /** What statements would change outside the schema of a tenant: one entry for each thing. */
  changesOutside: { line?: number; statement: string; reason: string; schema?: string }[];
  /** A `BEGIN … COMMIT` around the whole text was dropped; outside a transaction that changes what the file means. */
  droppedTransaction: boolean;
  /**
   * The text runs code that may create objects nobody can name beforehand (a `DO` block with dynamic SQL, `CALL`,
   * functions, unparsed text): from here on targets of the same plan are at most `optional`.
   */
  dynamic: boolean;
};
