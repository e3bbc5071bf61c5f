import { describe, expect, it } from 'vitest';

import type { ListedTenant } from '../../src/fleet/list-tenants.js';
import type { CohortSummary, StatusReport } from '../../src/fleet/types.js';
import type { TenantWithDomains } from '../../src/registry/types.js';
import type { PlanReport } from '../../src/run/types.js';
import { formatCreated } from '../../src/ui/summary/format-created-tenant.js';
import { formatList, formatListCsv } from '../../src/ui/summary/format-list.js';
import { formatPlan } from '../../src/ui/summary/format-plan.js';
import { formatStatus } from '../../src/ui/summary/format-status.js';
import { displayWidth } from '../../src/ui/text/display-width.js';

const piped = { color: false };
const counts = { total: 0, upToDate: 0, pending: 0, ahead: 0, outOfOrder: 0, missing: 0 };

function cohort(rest: Partial<CohortSummary>): CohortSummary {
  return {
    type: null,
    last: '0042_add_index',
    applied: 42,
    pending: [],
    count: 1,
    tenants: ['a'],
    state: 'upToDate',
    ...rest,
  };
}

describe('the status of a fleet', () => {
  it('shows cohorts by size, then the exceptions with names', () => {
    const report: StatusReport = {
      shared: { applied: ['0001', '0002'], pending: [] },
      tenants: { ...counts, total: 1003, upToDate: 500, pending: 500, ahead: 2, missing: 1 },
      cohorts: [
        cohort({ last: '0041_x', pending: ['0042_add_index'], count: 499, state: 'pending' }),
        cohort({ count: 500 }),
        cohort({ last: null, pending: ['0001', '0002', '0003'], state: 'pending' }),
        cohort({ state: 'ahead', count: 2, tenants: ['x', 'y'] }),
        cohort({ state: 'missing', tenants: ['gone'] }),
      ],
    };
    expect(formatStatus(report, piped)).toBe(
      [
        'Shared schema: up to date (2 migrations)',
        '1,003 tenants: 500 up to date, 500 pending, 2 ahead, 1 missing',
        '',
        '  500  ██████████            0042_add_index   up to date',
        '  499  ██████████            0041_x           1 pending: 0042_add_index',
        '    1  ▏                     (no migrations)  3 pending: 0001, 0002 and 1 more',
        '',
        '! 2 tenants ahead (has a migration that is not on disk): x, y',
        '! 1 tenant missing (no schema): gone',
      ].join('\n'),
    );
  });

  it('fits 10,000 tenants in 40 cohorts with long names on one screen of 80 × 24', () => {
    const name = (i: number) => `${'n'.repeat(60)}_${i}`;
    const twenty = Array.from({ length: 20 }, (_, i) => name(i));
    const states = ['ahead', 'outOfOrder', 'missing', 'unreadable'] as const;
    const report: StatusReport = {
      shared: { applied: [], pending: twenty },
      tenants: { total: 10_000, upToDate: 9000, pending: 700, ahead: 100, outOfOrder: 100, missing: 100 },
      cohorts: [
        ...Array.from({ length: 40 }, (_, i) =>
          cohort({ type: 'shop', last: name(i), pending: twenty, count: 240, state: 'pending' }),
        ),
        ...states.map((state) => cohort({ state, count: 100, tenants: twenty })),
      ],
    };
    const lines = formatStatus(report, { color: false, columns: 80 }).split('\n');
    const rows = lines.map((line) => Math.max(1, Math.ceil(displayWidth(line) / 80)));
    expect(rows.reduce((sum, row) => sum + row, 0)).toBeLessThan(24);
    // Only the counts of the fleet, which are never cut, may take a second row.
    for (const line of lines.toSpliced(1, 1)) expect(displayWidth(line)).toBeLessThan(80);
    expect(lines).toContain('  and 28 more cohorts (6,720 tenants)');
  });

  it('says so when there are no tenants', () => {
    const report = { shared: { applied: [], pending: ['0001'] }, tenants: counts, cohorts: [] };
    expect(formatStatus(report, piped)).toBe('Shared schema: 1 pending: 0001\nNo tenants yet.');
  });
});

describe('a plan', () => {
  const report: PlanReport = {
    findings: [],
    shared: { applied: [], pending: ['0003_plans'], mode: 'compiled', sql: 'CREATE TABLE plans ();' },
    tenants: { ...counts, total: 3, upToDate: 1, pending: 2 },
    cohorts: [
      { ...cohort({ count: 1 }), mode: 'compiled' },
      {
        ...cohort({
          last: '0041_x',
          pending: ['0042_add_index'],
          count: 2,
          tenants: ['a', 'b\u001B[2J'],
          state: 'pending',
        }),
        mode: 'direct',
        reasons: ['0042_add_index asks the database while it is built'],
        sql: "ALTER ROLE x\n\tPASSWORD 's3cret';\n",
      },
    ],
    warnings: ['careful'],
  };

  it('says what would run for each cohort, how, and with which SQL', () => {
    expect(formatPlan(report, piped)).toBe(
      [
        'Shared schema: 1 pending: 0003_plans',
        '  + 0003_plans',
        '',
        '    CREATE TABLE plans ();',
        '3 tenants: 1 up to date, 2 pending',
        '',
        '2 tenants at 0041_x: 1 migration to run (direct)',
        '  Tenants: a, b',
        '  + 0042_add_index',
        '  direct because: 0042_add_index asks the database while it is built',
        '',
        '    ALTER ROLE x',
        "      PASSWORD '***';",
        '',
        'Warning: careful',
      ].join('\n'),
    );
  });

  it('shows the tenants whose schema is created as work to do, and the others that are missing as blocked', () => {
    const report: PlanReport = {
      findings: [],
      shared: { applied: ['0001'], pending: [] },
      tenants: { ...counts, total: 2, missing: 2 },
      cohorts: [
        { ...cohort({ last: null, state: 'missing', pending: ['0001_projects'] }), mode: 'compiled' },
        { ...cohort({ last: null, state: 'missing', tenants: ['gone'], type: 'shop' }), mode: 'compiled' },
      ],
      warnings: [],
    };
    expect(formatPlan(report, piped)).toBe(
      [
        'Shared schema: up to date (1 migration)',
        '2 tenants: 2 missing',
        '',
        '1 tenant without a schema: 1 migration to run (compiled)',
        '  Tenants: a',
        '  + 0001_projects',
        '',
        '! 1 tenant missing (no schema): gone',
      ].join('\n'),
    );
  });

  it('says so when the target leaves nothing to run', () => {
    const report: PlanReport = {
      findings: [],
      shared: { applied: [], pending: [] },
      tenants: { ...counts, total: 1, pending: 1 },
      cohorts: [{ ...cohort({ state: 'pending', pending: [] }), mode: 'compiled' }],
      warnings: [],
    };
    expect(formatPlan(report, piped)).toMatch(/1 pending\n\nNothing to run\.$/);
  });

  it('says so when there is nothing to run', () => {
    const idle = { shared: { applied: [], pending: [] }, tenants: counts, cohorts: [], findings: [], warnings: [] };
    expect(formatPlan(idle, piped)).toMatch(/\n\nNothing to run\.$/);
  });
});

describe('the list of tenants', () => {
  const tenants: TenantWithDomains[] = [
    {
      schema: 'acme',
      name: 'Acme 東京',
      type: null,
      status: 'active',
      domains: [
        { domain: 'b.example.com', primary: false },
        { domain: 'acme.example.com', primary: true },
      ],
    },
    { schema: 'ev\u001B[2Jil\tone', name: null, type: null, status: 'deleting', domains: [] },
  ];

  it('has the same columns always when piped', () => {
    expect(formatList(tenants, piped)).toBe(
      [
        'SCHEMA    NAME       TYPE  STATUS    DOMAINS',
        'acme      Acme 東京  -     active    acme.example.com*, b.example.com',
        'evil one  -          -     deleting  -',
      ].join('\n'),
    );
  });

  it('fits the terminal and leaves out what no tenant has', () => {
    const lines = formatList(tenants, { color: false, columns: 50 }).split('\n');
    expect(lines[0]).toBe('SCHEMA    NAME      STATUS    DOMAINS');
    expect(lines[1]).toBe('acme      Acme 東…  active    acme.example.com* +1');
    for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(50);
  });

  it('never cuts what one may have to type', () => {
    const long = { ...tenants[0], schema: 'a'.repeat(63), type: 'enterprise', domains: [] } as TenantWithDomains;
    const wide = { domain: `${'b'.repeat(50)}.example.com`, primary: true };
    const text = formatList([long, { ...long, schema: 'short', domains: [wide] }], { color: false, columns: 60 });
    for (const name of [long.schema, 'enterprise', wide.domain]) expect(text).toContain(name);
  });

  it('shows the state of the migrations where it was asked for', () => {
    const state = { last: '0002_x', applied: 2, pending: 0 };
    const listed = [
      { ...tenants[0], migrations: { ...state, state: 'upToDate' } },
      { ...tenants[0], schema: 'behind', migrations: { ...state, state: 'pending', pending: 3 } },
      { ...tenants[0], schema: 'gone', migrations: null },
    ] as ListedTenant[];
    const lines = formatList(listed, piped).split('\n');
    expect(lines.map((line) => line.split(/ {2,}/)[4])).toEqual(['MIGRATIONS', 'up to date', '3 pending', '-']);
    expect(formatListCsv(listed).split('\n').slice(0, 3)).toEqual([
      'schema,name,type,status,primary_domain,domains,migrations,last_migration,applied,pending',
      'acme,Acme 東京,,active,acme.example.com,acme.example.com b.example.com,upToDate,0002_x,2,0',
      'behind,Acme 東京,,active,acme.example.com,acme.example.com b.example.com,pending,0002_x,2,3',
    ]);
  });

  it('is empty for a pipe and helpful on a terminal when there are none', () => {
    expect(formatList([], piped)).toBe('');
    expect(formatList([], { color: false, columns: 80 })).toContain('tenants create-tenant');
    expect(formatList([], { color: false, columns: 80 }, { filtered: true })).toBe('No such tenants.');
  });
});

describe('a created tenant', () => {
  it('is told with its domains and migrations', () => {
    const document = {
      tenant: { schema: 'acme', name: 'Acme', type: 'shop', status: 'active' },
      domains: [
        { domain: 'acme.example.com', primary: true },
        { domain: 'b.example.com', primary: false },
      ],
      migrations: ['1', '2', '3', '4'],
      durationMs: 120,
    };
    expect(formatCreated(document, piped)).toBe(
      [
        '✔ Created tenant acme (Acme, type shop) in 0.1 s',
        '  Domains: acme.example.com (primary), b.example.com',
        '  Migrations: 4 applied: 1, 2, 3 and 1 more',
      ].join('\n'),
    );
  });
});
