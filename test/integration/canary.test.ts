import { beforeEach, describe, expect, it } from 'vitest';

import { status } from '../../src/fleet/status.js';
import { useFleet } from '../support/fleet.js';

const TENANTS = ['t1', 't2', 't3', 't4', 't5'];
const fleet = useFleet({ each: true, tenants: [...TENANTS] });
const { database } = fleet;

beforeEach(async () => {
  await fleet.tenantMigration('0002_check.sql', `ALTER TABLE projects ADD CHECK (name <> 'bad');`);
});

const spoil = (...tenants: string[]) =>
  database.query(tenants.map((tenant) => `INSERT INTO ${tenant}.projects (name) VALUES ('bad');`).join(''));

describe('a canary', () => {
  it('is not needed for migrations that other tenants of the type have', async () => {
    await spoil('t1');
    const first = await fleet.migrate({}, { canary: 0 });
    expect(first.tenants).toMatchObject({ applied: 4, failed: 1 });
    await database.query(`INSERT INTO tenants (schema_name, name) VALUES ('t6', 't6')`);
    const second = await fleet.migrate({ missing: 'create' });
    expect(second.tenants).toMatchObject({ applied: 1, failed: 1, notExecuted: 0 });
  });

  it('that fails on its data holds back the rest, unless more are allowed to fail in other ways', async () => {
    await spoil('t1');
    expect((await fleet.migrate()).tenants).toMatchObject({ applied: 0, failed: 1, notExecuted: 4 });
    const more = await fleet.migrate({}, { canary: 2 });
    expect(more.tenants).toMatchObject({ applied: 4, failed: 1, notExecuted: 0 });
  });

  it('whose tables are locked makes way for the next one', async () => {
    const client = await database.client();
    await client.query('BEGIN; LOCK TABLE t1.projects IN ACCESS EXCLUSIVE MODE');
    const report = await fleet.migrate({}, { lockTimeoutMs: 50, retries: 0 });
    await client.query('ROLLBACK');
    expect(report.tenants).toMatchObject({ applied: 4, failed: 1, notExecuted: 0 });
    expect(report.results.find(({ status: state }) => state === 'failed')?.tenant).toBe('t1');
  });

  it('can be chosen by its name', async () => {
    await spoil('t3');
    const report = await fleet.migrate({}, { canary: 't3' });
    expect(report.tenants).toMatchObject({ applied: 0, failed: 1, notExecuted: 4 });
    expect(report.results[0]).toMatchObject({ tenant: 't3', status: 'failed' });
  });

  it('that is no tenant is refused before anything is touched', async () => {
    await expect(fleet.migrate({}, { canary: 't33' })).rejects.toMatchObject({ code: 'UNKNOWN_TENANT', exitCode: 2 });
    expect(await fleet.applied('t1')).toEqual(['0001_projects']);
  });

  it('can be a share of the cohort', async () => {
    await spoil('t3');
    const report = await fleet.migrate({}, { canary: '50%', concurrency: 1 });
    // Three of five go first; the third fails in one way, and three are allowed.
    expect(report.tenants).toMatchObject({ applied: 4, failed: 1, notExecuted: 0 });
  });
});

it('a share of failures ends the run', async () => {
  await spoil(...TENANTS);
  const report = await fleet.migrate({}, { canary: 0, maxFailures: '40%', concurrency: 1 });
  expect(report.tenants).toMatchObject({ failed: 2, notExecuted: 3 });
});

it('status lists every tenant of a cohort, and says when the shared schema is ahead', async () => {
  await database.query(`INSERT INTO tenants (schema_name, name) SELECT 'm' || n, n FROM generate_series(1, 40) AS n`);
  await database.query(`INSERT INTO public.pgmigrations (name, run_on) VALUES ('9999_later', now())`);
  const report = await status(await fleet.project());
  expect(report.cohorts.map(({ tenants }) => tenants.length).sort()).toEqual([40, 5]);
  expect(report.shared.state).toBe('ahead');
});
