import { describe, expect, it } from 'vitest';

import { serializeError } from '../../src/errors/serialize.js';
import { TenantsError } from '../../src/errors/tenants-error.js';
import type { TenantResult } from '../../src/executors/types.js';
import { lostResult } from '../../src/run/durability/find-lost-commits.js';
import { RunRecord } from '../../src/run/run-record.js';
import type { MigrateReport } from '../../src/run/types.js';

const DONE: TenantResult = {
  tenant: 'acme',
  status: 'applied',
  migrations: ['0001_a', '0002_b', '0003_c'],
  durationMs: 9,
};
const AGAIN: TenantResult = { tenant: 'acme', status: 'applied', migrations: ['0003_c'], durationMs: 5 };

/** The report of a run whose server took back what was done for "acme", but for these migrations. */
function reportOf(left: string[], then: (record: RunRecord) => void): MigrateReport {
  const record = new RunRecord(undefined);
  record.set(DONE);
  record.recordLost(lostResult('acme', left));
  record.forget('acme');
  then(record);
  return record.report({
    executor: 'standard',
    concurrency: 1,
    shared: { status: 'skipped', migrations: [], error: null },
    warnings: [],
    interrupted: false,
    lostTo: undefined,
  });
}

describe('what a crash of the server has left of a tenant counts', () => {
  const left = ['0001_a', '0002_b'];

  it('with what the next round does', () => {
    const { results } = reportOf(left, (record) => record.set(AGAIN));
    expect(results).toEqual([{ ...AGAIN, migrations: ['0001_a', '0002_b', '0003_c'] }]);
  });

  it('with what the next round commits before it fails', () => {
    const error = serializeError(new TenantsError('MIGRATION_FAILED', 'no'));
    const { results } = reportOf(left, (record) =>
      record.set({ tenant: 'acme', status: 'failed', committed: [], migration: '0003_c', error }),
    );
    expect(results).toEqual([{ tenant: 'acme', status: 'failed', committed: left, migration: '0003_c', error }]);
  });

  it('where the tenant gets no other round', () => {
    const { results, tenants } = reportOf(left, (record) =>
      record.set({ tenant: 'acme', status: 'notExecuted', reason: 'interrupted' }),
    );
    expect(results).toMatchObject([{ status: 'failed', committed: left }]);
    expect(tenants).toMatchObject({ failed: 1, notExecuted: 0 });
  });

  it('where another session has done the rest', () => {
    const { results, tenants } = reportOf(left, (record) => record.settleUpToDate('acme', 'applied', []));
    expect(results).toMatchObject([{ status: 'applied', migrations: left }]);
    expect(tenants).toMatchObject({ applied: 1, upToDate: 0 });
  });

  it('after a second crash together with what that one has left', () => {
    const { results } = reportOf(['0001_a'], (record) => {
      record.set({ ...AGAIN, migrations: ['0002_b', '0003_c'] });
      record.recordLost(lostResult('acme', ['0001_a', '0002_b']));
      record.set(AGAIN);
    });
    expect(results).toMatchObject([{ status: 'applied', migrations: ['0001_a', '0002_b', '0003_c'] }]);
  });
});

describe('where a crash of the server has left nothing', () => {
  it('not even what an earlier one had left counts', () => {
    const { results } = reportOf(['0001_a'], (record) => {
      record.recordLost(lostResult('acme', []));
      record.set(DONE);
    });
    expect(results).toEqual([DONE]);
  });

  it('a tenant that had nothing to do is not counted as up to date', () => {
    const { results, tenants } = reportOf([], (record) => {
      record.settleUpToDate('beta', 'applied', ['0001_a']);
      record.recordLost(lostResult('beta', []));
    });
    expect(results).toMatchObject([{ tenant: 'beta', status: 'failed', committed: [] }]);
    expect(tenants).toMatchObject({ total: 1, failed: 1, upToDate: 0 });
  });

  it('the next round alone counts', () => {
    expect(reportOf([], (record) => record.set(DONE)).results).toEqual([DONE]);
  });

  it('nothing was executed', () => {
    const { tenants } = reportOf([], (record) =>
      record.set({ tenant: 'acme', status: 'notExecuted', reason: 'lockLost' }),
    );
    expect(tenants).toMatchObject({ failed: 0, notExecuted: 1 });
  });
});
