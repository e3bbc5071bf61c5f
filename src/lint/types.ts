import type { DatabaseConfig } from '../db/database-config.js';
import type { MigrationFile, MigrationSource } from '../engine/types.js';
import type { Project } from '../project/project.js';
import type { LintRule } from './rule-names.js';

/** A project whose database is asked for sizes when there is one. */
export type LintProject = Omit<Project, 'database'> & { database?: DatabaseConfig | undefined };

/** Migrations of one directory, and for whom they are. */
export type LintSet = {
  schema: 'shared' | 'tenant';
  /** Tenant type; `null` is the default type, and the shared schema. */
  type: string | null;
  source: MigrationSource;
  /** All files of the directory, in their order. */
  files: MigrationFile[];
  /** Names to report on. The files before them are read too: they say what a table was like. */
  wanted: ReadonlySet<string>;
};

/** Something in a migration that can go wrong. Plain JSON. */
export type LintFinding = {
  rule: LintRule;
  severity: 'error' | 'warning';
  /** Absolute path. */
  file: string;
  /** From 1; `null` where it is not known, as in some JavaScript migrations. */
  line: number | null;
  /** From 1, in UTF-16 units; `null` where it is not known. */
  column: number | null;
  message: string;
  /** What to do instead. */
  suggestion: string;
  /** Address of the rule's documentation. */
  docs: string;
  migration: string;
  schema: 'shared' | 'tenant';
  type: string | null;
  /** Beginning of the statement, on one line; `null` for findings about the whole file. */
  statement: string | null;
  /** The lock that the statement holds until the transaction ends. */
  lock?: LockMode;
  /** What is done to the whole table while the lock is held. */
  work?: TableWork;
  /** How large the table is; only with a database. */
  table?: TableSize;
};

export type LockMode = 'ACCESS EXCLUSIVE' | 'EXCLUSIVE' | 'SHARE ROW EXCLUSIVE' | 'SHARE' | 'SHARE UPDATE EXCLUSIVE';

/** `rewrite`: all rows are written anew; `scan`: all are read; `index`: an index is built over all of them. */
export type TableWork = 'rewrite' | 'scan' | 'index';

/** A table as the tenants of one type have it, by the server's statistics. */
export type TableSize = {
  name: string;
  /** Tenants that have the table; 1 for one of the shared schema. */
  tenants: number;
  /** Where it is largest; `null` when no tenant has it. Rows and bytes are estimates, bytes without TOAST and indexes. */
  largest: { schema: string; rows: number; bytes: number } | null;
};

/** A file of which nothing can be said, because its SQL is known only when it runs. */
export type UnreadFile = { file: string; migration: string; reason: string };

export type LintReport = {
  /** By file, then by place. */
  findings: LintFinding[];
  /** Files that were looked at. */
  files: number;
  unread: UnreadFile[];
  /** Findings that a comment switches off. */
  ignored: number;
  /** Tenants of the database; `null` when it was not asked. */
  tenants: number | null;
  /** What kept the sizes from being read. */
  warnings: string[];
};

export type LintOptions = {
  /** Files and directories to look at, relative to `cwd`. Default: all migrations of the project. */
  paths?: readonly string[];
  /** Only files that differ from this git revision. */
  since?: string;
  /** What relative paths are relative to. Default: the folder of the configuration. */
  cwd?: string;
  /** Ask the database for sizes and counts, when there is one. Default: true. */
  sizes?: boolean;
};

/** What a rule found, before it has its place. */
export type Hit = {
  rule: LintRule;
  /** One sentence or more: what happens. The effect of lock and work is added to it. */
  message: string;
  suggestion: string;
  /** Byte offset into the text of the statement's step, as in the parse tree; the statement's beginning without it. */
  at?: number | undefined;
  table?: string | undefined;
  lock?: LockMode;
  work?: TableWork;
};
