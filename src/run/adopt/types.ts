import type { FormatName, MigrationFile } from '../../engine/types.js';
import type { SerializedError } from '../../errors/serialize.js';
import type { TenantResult } from '../../executors/types.js';
import type { MigrateOptions, MigrateReport } from '../types.js';

export type AdoptHistoryOptions = Pick<
  MigrateOptions,
  'selection' | 'failFast' | 'drain' | 'cancel' | 'onEvent' | 'invocation'
> & {
  /** Say what would be recorded, and record nothing. */
  dryRun?: boolean;
  /** Schema of the other tool's table for every schema, where it is not the schema's own. */
  from?: string;
};

/** A result of a run, or what a tenant's result would be. */
export type AdoptedTenant =
  | TenantResult
  | { tenant: string; status: 'wouldApply'; migrations: string[] }
  | { tenant: string; status: 'wouldFail'; error: SerializedError };

/** As the report of `migrate`; `applied` counts tenants for which something was, or would be, recorded. */
export type AdoptHistoryReport = Omit<MigrateReport, 'results'> & { dryRun: boolean; results: AdoptedTenant[] };

/** A row of another tool's table, as node-postgres reads it. */
export type HistoryRow = Readonly<Record<string, unknown>>;

/** What a table says about the files: which of them are applied, or why that cannot be told. */
export type Match = { names: string[]; problems: string[] };

/** The bookkeeping of another tool. */
export type HistoryTool = {
  title: string;
  table: string;
  /** The columns that make a table of this name the tool's own; all of them are read. */
  columns: readonly string[];
  formats: readonly FormatName[];
  /** Compares the rows, in no order, with the files in their order. */
  match(rows: readonly HistoryRow[], files: readonly MigrationFile[]): Promise<Match>;
};
