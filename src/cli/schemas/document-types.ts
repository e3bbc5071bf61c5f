import type { ExecReport } from '../../each-tenant/exec/types.js';
import type { QueryReport } from '../../each-tenant/query/types.js';
import type { ListedTenant } from '../../fleet/list-tenants.js';
import type { ErrorJson } from '../../ui/error/format-error.js';
import type { Metric } from '../../ui/metrics/open-metrics.js';
import type { Shell } from '../completion/scripts.js';
import type {
  adoptHistoryDocument,
  checksumsDocument,
  createTenantsDocument,
  distributeDocument,
  doctorDocument,
  driftDocument,
  dryRunDocument,
  lintDocument,
  migrateDocument,
  moveTenantDocument,
  planDocument,
  poolDocument,
  runDocument,
  runsDocument,
  snapshotDocument,
  squashDocument,
  statusDocument,
  tenantDocument,
} from '../documents.js';
import type { EventLine, StreamEvent } from '../run-files/event-stream.js';
import type { ReportFacts } from '../run-files/report-file.js';
import type { Scaffolded } from '../scaffold/scaffold-project.js';

type Run = ReturnType<typeof migrateDocument> | ReturnType<typeof dryRunDocument>;
type ChangedTenant = ReturnType<typeof tenantDocument>;

export type ListDocument = { tenants: ListedTenant[] } | { count: number };
export type QueryDocument = { rows: ({ tenant: string } & Record<string, unknown>)[]; failed: QueryReport['failed'] };
export type ExecDocument = { results: ExecReport['results'] };
export type MetricsDocument = { metrics: Metric[] };
export type CreatedMigration = { name: string; path: string };
export type CompletionDocument = { shell: Shell; script: string };
export type VersionDocument = { name: string; version: string; platform: string; node: string };
/** What a client of PostgreSQL ended with; its output goes to stderr. */
export type ClientDocument = { exitCode: number };
export type ShellDocument = ClientDocument & { tenant: string };
export type DbDocument =
  | { url: string; port: number; log: string; started: boolean }
  | { wasRunning: boolean; inUse: number }
  | { url: string; running: boolean }
  | ClientDocument;
export type ReportDocument = { file: string; bytes: number };

/** A run that failed as a whole. */
type FailedRun = { command: string; exitCode: number } & ErrorJson;
/** What the report says beyond the document of the command. Times are in ISO 8601. */
type Facts = Omit<ReportFacts, 'startedAt' | 'finishedAt' | 'starts'> & { startedAt: string; finishedAt: string };
type Report = (Run | FailedRun) & Facts;
type Ends = Extract<StreamEvent, { type: 'run:end' }>;
type Line = Pick<EventLine, 'seq' | 'at'> & (Exclude<StreamEvent, Ends> | (Omit<Ends, 'report'> & { report: Report }));

/** Every document, by the name of its schema: that of the command, and of what is not printed by one. `scripts/schemas.js` reads it. */
export type Documents = {
  'adopt-history': ReturnType<typeof adoptHistoryDocument>;
  checksums: ReturnType<typeof checksumsDocument>;
  'clone-tenant': ChangedTenant;
  completion: CompletionDocument;
  'create-domain': ChangedTenant;
  'create-migration': CreatedMigration;
  'create-tenant': ChangedTenant | ReturnType<typeof createTenantsDocument>;
  db: DbDocument;
  'delete-domain': ChangedTenant;
  'delete-tenant': ChangedTenant;
  doctor: ReturnType<typeof doctorDocument>;
  drift: ReturnType<typeof driftDocument>;
  exec: ExecDocument;
  init: Scaffolded;
  lint: ReturnType<typeof lintDocument>;
  list: ListDocument;
  metrics: MetricsDocument;
  migrate: Run;
  plan: ReturnType<typeof planDocument>;
  distribute: ReturnType<typeof distributeDocument>;
  'move-tenant': ReturnType<typeof moveTenantDocument>;
  pool: ReturnType<typeof poolDocument>;
  query: QueryDocument;
  'rename-tenant': ChangedTenant;
  report: ReportDocument;
  rollback: Run;
  runs: ReturnType<typeof runsDocument> | ReturnType<typeof runDocument>;
  shell: ShellDocument;
  snapshot: ReturnType<typeof snapshotDocument>;
  squash: ReturnType<typeof squashDocument>;
  status: ReturnType<typeof statusDocument>;
  /** `tenants --version`. */
  version: VersionDocument;
  /** What every command prints when it fails. */
  error: ErrorJson;
  /** The file of `--report FILE.json`. */
  'run-report': Report;
  /** A line of `--events`. */
  event: Line;
};
