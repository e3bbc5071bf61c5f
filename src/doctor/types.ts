import type { Client } from 'pg';

import type { ServerInfo } from '../db/server.js';
import type { SurveyedFleet } from '../fleet/read-fleet.js';
import type { SurveyedShared } from '../fleet/read-shared.js';
import type { FleetEvent } from '../fleet/types.js';
import type { Invocation } from '../journal/types.js';
import type { Project } from '../project/project.js';

/** What each check expects to find. The names are stable, because scripts rely on them. */
export const EXPECTED = {
  'server-version': 'PostgreSQL 13 or newer',
  'server-writable': 'accepts writes',
  pooler: 'a session of our own',
  'set-role': 'may act as the configured role',
  'database-privileges': 'CREATE on the database',
  'shared-schema-privileges': 'USAGE and CREATE on the shared schema',
  registry: 'the tables and columns that the configuration names',
  'registry-privileges': 'may read and write the registry',
  'registry-constraints': 'names are unique, domains have a tenant',
  'registry-triggers': 'changes are announced to applications',
  'shared-migrations': 'applied, in the order of the files',
  'tenant-migrations': 'in the order of the files, none ahead',
  'migrations-tables': 'a primary key, no duplicate names',
  'missing-schemas': 'a schema for every tenant',
  'unregistered-schemas': 'a tenant for every migrated schema',
  'lookalike-names': 'names that differ in more than case',
  'tenant-privileges': 'may change every tenant',
  'tenant-pool': 'schemas for new tenants are up to date',
  'schema-creators': 'no other role may create in the shared schema',
  'table-rules': 'no policies, rules or triggers of others',
  'unfinished-creations': 'none',
  'unfinished-deletions': 'none',
  'invalid-indexes': 'none',
  'extensions-in-tenants': 'none',
  'cross-tenant-references': 'none',
  'row-tables': 'rows of tenants that share tables are kept apart',
  'lock-table': 'room for the locks of a run',
  connections: 'enough for the lanes of a run',
  'blocking-transactions': 'none that block migrations',
  'locks-held': 'not by idle sessions',
  autovacuum: 'on',
  'catalog-statistics': 'as large as the catalog',
  'citus-nodes': 'all answer, one version',
  'citus-transactions': 'none left behind',
  'citus-placement': 'tenants on nodes, or none of them',
  'citus-shared-tables': 'reference tables, where tenants refer to them',
} as const;

export type CheckName = keyof typeof EXPECTED;

/** What one check found. The first five fields are always there. */
export type Check = {
  name: CheckName;
  /** The check passed; false also for a check that could not be run. */
  ok: boolean;
  expected: string;
  actual: string;
  /** It was wrong, and `--fix` has repaired it. */
  fixed: boolean;
  /** It was not run, because another check is wrong. */
  skipped?: boolean;
  /** Everything that is wrong or worth knowing, one by one: names of tenants, or of objects with their schema. */
  items?: string[];
  /** What to do next: a sentence or a command each. */
  suggestions?: string[];
  /** What was repaired. */
  done?: string[];
  /** What could not be repaired, and why. */
  failures?: string[];
};

export type DoctorReport = { checks: Check[] };

export type DoctorOptions = {
  /** Repair what can be repaired without losing data. */
  fix?: boolean;
  /** How long a transaction may be open, or a lock held by an idle session, in ms. Default: 5 minutes. */
  patienceMs?: number;
  /** What the command line knows about the call, for its record. */
  invocation?: Invocation;
  /** Aborted by the first signal: the running repair finishes and no other starts. */
  drain?: AbortSignal;
  /** Aborted by the second: what runs is canceled and rolled back. */
  cancel?: AbortSignal;
  onEvent?: (event: FleetEvent) => void;
};

/** What the checks examine. */
export type Examination = {
  project: Project;
  /** A session that holds the fleet lock replaces a lost connection, so this may change. */
  readonly client: Client;
  server: ServerInfo;
  /** The session stays the same from one transaction to the next: there is no pooler in transaction mode. */
  ownSession: boolean;
  patienceMs: number;
  shared: SurveyedShared;
  /** Always compared with the order of the files, regardless of `checkOrder`; `undefined` if the registry cannot be read. */
  fleet: SurveyedFleet | undefined;
  /** Every schema of the database that is not PostgreSQL's own. */
  schemas: string[];
};

/** A group of checks that share what they read. Returns one check for each of its names. */
export type CheckGroup = {
  names: readonly CheckName[];
  /** The group is skipped if this is not available. */
  needs?: 'fleet' | 'ownSession';
  run: (exam: Examination) => Promise<Check[]>;
};

/** One repair, with the texts for its success and its failure. */
export type Repair = { done: string; undone: string; run: () => Promise<void> };
