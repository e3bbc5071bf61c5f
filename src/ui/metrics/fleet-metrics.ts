import type { StatusReport } from '../../fleet/types.js';
import type { Metric } from './open-metrics.js';

const STATES: Record<StatusReport['cohorts'][number]['state'], string> = {
  upToDate: 'up_to_date',
  pending: 'pending',
  ahead: 'ahead',
  outOfOrder: 'out_of_order',
  missing: 'missing',
  unreadable: 'unreadable',
  unknownType: 'unknown_type',
};

/** What the state of a fleet says in numbers. There is no label with names of tenants: a fleet may have thousands. */
export function fleetMetrics({ shared, cohorts, runs }: StatusReport, version: string): Metric[] {
  const types = cohorts.length === 0 ? [null] : [...new Set(cohorts.map(({ type }) => type))];
  const last = runs?.lastRun ?? null;
  const done = ['failed', 'notExecuted', 'missing'] as const;
  return [
    {
      name: 'tenants',
      type: 'info',
      help: 'Version of pg-tenants.',
      samples: [{ labels: { version }, value: 1 }],
    },
    {
      name: 'tenants_fleet',
      type: 'gauge',
      help: 'Tenants by type and state.',
      samples: types.flatMap((type) =>
        Object.entries(STATES).map(([state, label]) => ({
          labels: { type: type ?? '', state: label },
          value: sum(cohorts.filter((cohort) => cohort.type === type && cohort.state === state)),
        })),
      ),
    },
    {
      name: 'tenants_fleet_cohorts',
      type: 'gauge',
      help: 'Groups of tenants with the same type and the same applied migrations.',
      samples: [{ value: cohorts.length }],
    },
    {
      name: 'tenants_fleet_pending_migrations',
      type: 'gauge',
      help: 'Pending migrations, summed over all tenants.',
      samples: [{ value: cohorts.reduce((total, { count, pending }) => total + count * pending.length, 0) }],
    },
    {
      name: 'tenants_shared_pending_migrations',
      type: 'gauge',
      help: 'Pending migrations of the shared schema.',
      samples: [{ value: shared.pending.length }],
    },
    {
      name: 'tenants_run_in_progress',
      type: 'gauge',
      help: 'Whether a run is going on.',
      samples: runs === undefined ? [] : [{ value: runs.running === null ? 0 : 1 }],
    },
    {
      name: 'tenants_last_run_start_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'When the last run of migrate or rollback started, as a Unix time.',
      samples: last === null ? [] : [{ labels: { command: last.command }, value: Date.parse(last.startedAt) / 1000 }],
    },
    {
      name: 'tenants_last_run_duration_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'How long it took.',
      samples:
        last === null || last.finishedAt === null
          ? []
          : [
              {
                labels: { command: last.command },
                value: (Date.parse(last.finishedAt) - Date.parse(last.startedAt)) / 1000,
              },
            ],
    },
    {
      name: 'tenants_last_run_undone',
      type: 'gauge',
      help: 'Tenants that the last run left undone.',
      samples:
        last === null
          ? []
          : done.map((status) => ({
              labels: { command: last.command, status: status === 'notExecuted' ? 'not_executed' : status },
              value: last.counts[status] ?? 0,
            })),
    },
  ];
}

function sum(cohorts: readonly { count: number }[]): number {
  return cohorts.reduce((total, { count }) => total + count, 0);
}
