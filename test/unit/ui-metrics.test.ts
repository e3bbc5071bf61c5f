import { describe, expect, it } from 'vitest';

import type { StatusReport } from '../../src/fleet/types.js';
import { fleetMetrics } from '../../src/ui/metrics/fleet-metrics.js';
import { formatOpenMetrics } from '../../src/ui/metrics/open-metrics.js';

const EMPTY: StatusReport = {
  shared: { applied: [], pending: [] },
  tenants: { total: 0, upToDate: 0, pending: 0, ahead: 0, outOfOrder: 0, missing: 0 },
  cohorts: [],
};

describe('formatOpenMetrics', () => {
  it('writes families with their type, unit and help, and ends with EOF', () => {
    const text = formatOpenMetrics([
      {
        name: 'run_seconds',
        type: 'gauge',
        unit: 'seconds',
        help: 'How long "it" took.',
        samples: [{ labels: { command: 'a\\b"c\nd' }, value: 1.5 }],
      },
      { name: 'build', type: 'info', help: 'Version.', samples: [{ labels: { version: '1' }, value: 1 }] },
    ]);
    expect(text.split('\n')).toEqual([
      '# TYPE run_seconds gauge',
      '# UNIT run_seconds seconds',
      String.raw`# HELP run_seconds How long \"it\" took.`,
      String.raw`run_seconds{command="a\\b\"c\nd"} 1.5`,
      '# TYPE build info',
      '# HELP build Version.',
      'build_info{version="1"} 1',
      '# EOF',
    ]);
  });

  it('leaves out a family without a sample', () => {
    expect(formatOpenMetrics([{ name: 'a', type: 'gauge', help: '', samples: [] }])).toBe('# EOF');
  });
});

describe('fleetMetrics', () => {
  const values = (report: StatusReport): Record<string, number> =>
    Object.fromEntries(
      fleetMetrics(report, '1.2.3').flatMap(({ name, samples }) =>
        samples.map(({ labels = {}, value }) => [[name, ...Object.values(labels)].join(' '), value]),
      ),
    );

  it('has every state of every type, with zeros', () => {
    const cohort = { last: null, applied: 0, tenants: [] };
    const report: StatusReport = {
      ...EMPTY,
      shared: { applied: [], pending: ['0001_a'] },
      cohorts: [
        { ...cohort, type: null, state: 'pending', count: 3, pending: ['0002_b', '0003_c'] },
        { ...cohort, type: 'shop', state: 'upToDate', count: 4, pending: [] },
      ],
    };
    expect(values(report)).toMatchObject({
      'tenants_fleet  pending': 3,
      'tenants_fleet  up_to_date': 0,
      'tenants_fleet shop up_to_date': 4,
      'tenants_fleet shop missing': 0,
      tenants_fleet_cohorts: 2,
      tenants_fleet_pending_migrations: 6,
      tenants_shared_pending_migrations: 1,
    });
  });

  it('says zero of a fleet without tenants, and nothing of runs without a journal', () => {
    expect(values(EMPTY)).toMatchObject({ 'tenants_fleet  up_to_date': 0, tenants_fleet_cohorts: 0 });
    expect(Object.keys(values(EMPTY)).filter((name) => name.includes('run'))).toEqual([]);
  });
});
