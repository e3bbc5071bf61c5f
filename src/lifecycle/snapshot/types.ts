import type { FleetEvent } from '../../fleet/types.js';

export type SnapshotOptions = {
  /** Write a file instead of the journal, or read it. Default: the project's `snapshot.file`; without one, the journal. */
  file?: string;
  onEvent?: (event: FleetEvent) => void;
};

/** What the migrations of one type make of an empty schema, as it is stored. Plain JSON. */
export type StoredSnapshot = {
  /** Version of this form. */
  format: 1;
  type: string | null;
  /** The names of the migrations, oldest first. */
  migrations: string[];
  /** A digest of their files and of the settings that matter. */
  files: string;
  /** Major version of the server that described the result. */
  server: number;
  /** Whoever is to own what is created. */
  owner: string;
  /** SQL for a schema with an empty migrations table, under the search path of a tenant. */
  sql: string;
};

export type SnapshotReport = {
  durationMs: number;
  /** The file that was written; `null` for the journal. */
  file: string | null;
  snapshots: {
    type: string | null;
    /** Its last migration; `null` without any. */
    last: string | null;
    migrations: number;
    bytes: number;
    /** Columns whose values differ each time, and come from their defaults. */
    defaults: string[];
  }[];
};
