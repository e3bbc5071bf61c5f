import { fleetPageOf } from '../../src/fleet-page/fleet-page-of.js';
import type { FleetPage } from '../../src/fleet-page/types.js';
import type { Cohort } from '../../src/fleet/cohorts.js';
import type { RecordedResult, RecordedRun } from '../../src/journal/types.js';

/** Ends elements and comments, loads things, and turns text around. */
export const HOSTILE = [
  '</script><script>document.title="owned"</script>',
  '<!--<script>',
  '"><img src=x onerror=alert(1)>',
  'a\u202Eb\u0000c\u2028d',
  "'; DROP TABLE x; --",
];

const MIGRATIONS = [
  'accounts',
  'invoices',
  'invoice_lines',
  'payment_terms',
  'audit_log',
  'audit_log_index',
  'customer_notes',
  'webhooks',
  'invoice_due_date',
  'amounts_are_positive',
  'tax_rates',
  'archive_old_rows',
].map((name, index) => `${String(index + 1).padStart(4, '0')}_${name}`);

/** A page about a fleet in the middle of a rollout, the same each time. */
export function examplePage(size: number, { hostile = false, runs = true } = {}): FleetPage {
  const name = (index: number): string =>
    hostile ? (HOSTILE[index] ?? `tenant_${index}`) : `tenant_${String(index).padStart(5, '0')}`;
  const parts: Cohort[] = [];
  let next = 0;
  const add = (share: number, applied: string[], state: Cohort['state'], type: string | null = null): void => {
    const count = Math.min(size - next, Math.max(1, Math.round(size * share)));
    const members = Array.from({ length: count }, () => ({ schema: name(next++), oid: 1 }));
    parts.push({ type, state, applied, tableExists: true, members });
  };
  const upTo = (count: number): string[] => MIGRATIONS.slice(0, count);
  const pending = (count: number): Cohort['state'] => ({ kind: 'pending', pending: MIGRATIONS.slice(count) });
  add(0.1, ['0001_depots'], { kind: 'upToDate' }, hostile ? '</script>' : 'logistics');
  add(0.08, upTo(9), pending(9));
  add(0.04, upTo(8), pending(8));
  add(0.02, upTo(4), pending(4));
  add(0.01, [...upTo(10), '0011_hotfix'], { kind: 'ahead', unknown: ['0011_hotfix'] });
  add(0.004, [], { kind: 'missing', pending: MIGRATIONS });
  add(0.005, ['0002_invoices'], { kind: 'outOfOrder', expected: '0001_accounts', found: '0002_invoices' });
  add(1, upTo(12), { kind: 'upToDate' });
  const cohorts = parts.filter(({ members }) => members.length > 0);
  const count = (kind: string): number =>
    cohorts.reduce((sum, { state, members }) => sum + (state.kind === kind ? members.length : 0), 0);
  const [last] = RUNS;
  const journal = runs && last !== undefined ? { runs: RUNS, last, results: resultsOf(cohorts, hostile) } : undefined;
  return fleetPageOf({
    report: {
      shared: { applied: ['0001_registry'], pending: [] },
      tenants: {
        total: next,
        upToDate: count('upToDate'),
        pending: count('pending'),
        ahead: count('ahead'),
        outOfOrder: count('outOfOrder'),
        missing: count('missing'),
      },
      cohorts: [],
    },
    cohorts,
    files: new Map([
      [null, MIGRATIONS.map((one) => file(one))],
      ['logistics', [file('0001_depots')]],
      ['</script>', [file('0001_depots')]],
    ]),
    runs: journal === undefined ? { journal: 'absent' } : { journal: 'ready', ...journal },
    createdAt: '2026-11-27T09:30:00.000Z',
    version: '1.0.0',
    database: hostile ? '<b>shop' : 'shop',
  });
}

function file(name: string) {
  return { name, path: `/migrations/${name}.sql`, kind: 'sql' as const };
}

const RUNS: RecordedRun[] = Array.from({ length: 14 }, (_, index) => {
  const startedAt = Date.UTC(2026, 10, 27, 8, 12) - index * 41 * 3_600_000 - (index % 3) * 7_000_000;
  const failed = index % 5 === 0 ? 9 + index : 0;
  return {
    id: 140 - index,
    command: index === 6 ? 'rollback' : 'migrate',
    commandLine: null,
    startedAt: new Date(startedAt).toISOString(),
    finishedAt: new Date(startedAt + 21_000 + ((index * 7919) % 17_000)).toISOString(),
    exitCode: failed > 0 ? 1 : 0,
    state: index === 9 ? 'interrupted' : 'finished',
    counts: index === 6 ? { rolledBack: 812 } : { applied: 4000 + ((index * 977) % 3000), failed },
    user: 'deploy',
    databaseUser: 'deploy',
    host: 'ci',
    version: '1.0.0',
    commit: null,
    wholeFleet: true,
    shared: null,
    error: null,
  };
});

/** Most took a few ms, some much longer; those that are behind failed in two ways. */
function resultsOf(cohorts: readonly Cohort[], hostile: boolean): RecordedResult[] {
  const began = Date.parse(RUNS[0]?.startedAt ?? '');
  let index = 0;
  return cohorts.flatMap(({ members, state }) =>
    members.map(({ schema }): RecordedResult => {
      index += 1;
      const share = ((index * 7919) % 1000) / 1000;
      const common = {
        tenant: schema,
        startedAt: new Date(began + index * 1.4).toISOString(),
        durationMs: Math.round(4 * Math.exp(share * 3) + (index % 997 === 0 ? 2400 : 0)),
      };
      if (state.kind !== 'pending') return { ...common, status: 'applied', migrations: ['0012_archive_old_rows'] };
      if (index % 4 === 0) {
        return { tenant: schema, startedAt: null, durationMs: null, status: 'notExecuted', reason: 'maxFailures' };
      }
      const check = index % 3 === 0;
      const migration = check ? '0010_amounts_are_positive' : '0009_invoice_due_date';
      return {
        ...common,
        status: 'failed',
        migration,
        error: {
          name: 'error',
          code: 'DATABASE_ERROR',
          sqlstate: check ? '23514' : '55P03',
          message: `${hostile ? (HOSTILE[0] ?? '') : ''}${check ? 'check constraint "amount_positive" of relation "invoices" is violated by some row' : 'canceling statement due to lock timeout'}`,
          file: `migrations/tenant/${migration}.sql`,
          line: 2,
          statement: check
            ? 'ALTER TABLE invoices ADD CONSTRAINT amount_positive CHECK (amount > 0)'
            : `ALTER TABLE invoices ADD COLUMN due date${hostile ? '</script><script>document.title="owned"</script>' : ''}`,
        },
      };
    }),
  );
}
