import type { ResultColumn } from '../../db/portal.js';
import type { SerializedError } from '../../errors/serialize.js';
import type { SchemaSelection } from '../../fleet/selection.js';
import type { FleetEvent } from '../../fleet/types.js';

export type QueryOptions = SchemaSelection & {
  /** One statement without parameters. */
  sql: string;
  /** Run in a transaction that may change data, committed tenant by tenant. Default: read only. */
  write?: boolean;
  /** Called with rows as they come, tenant after tenant; the next ones wait for what it returns. What it throws ends the run. */
  onRows: (part: QueryRows) => Promise<void> | void;
  /** Aborted by the first signal: no new tenants. */
  drain?: AbortSignal;
  /** Aborted by the second: running statements are canceled. */
  cancel?: AbortSignal;
  onEvent?: (event: FleetEvent) => void;
};

/** Some rows of one tenant's result. Columns have names of their own, none of them `tenant`. */
export type QueryRows = {
  tenant: string;
  /** `type` is the OID of a column's type. */
  columns: ResultColumn[];
  /** Values as PostgreSQL prints them. */
  rows: (string | null)[][];
};

export type QueryReport = {
  /** Tenants that were selected. */
  tenants: number;
  /** Rows that were handed over, those of tenants that failed later included. */
  rows: number;
  failed: { tenant: string; error: SerializedError }[];
  /** A signal ended the run; tenants that had no turn are among the failed, with the code `INTERRUPTED`. */
  interrupted: boolean;
  durationMs: number;
};
