import { afterAll, beforeAll, expect, it } from 'vitest';

import { status } from '../../src/fleet/status.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

const database = useDatabase();
let fleet: TestFleet;

beforeAll(async () => {
  fleet = await createFleet(database);
});
afterAll(() => fleet.remove());

it('an empty database gets the registry from the first shared migration', async () => {
  const report = await fleet.migrate({ selection: { kind: 'shared' } });
  expect(report.shared).toEqual({ status: 'applied', migrations: ['0001_registry'], error: null });
  expect(report.tenants.total).toBe(0);
  expect(await fleet.tables('public')).toEqual(['domains', 'pgmigrations', 'tenants']);
});

it('tenants are created with everything that is on disk', async () => {
  await fleet.create('acme', 'globex');
  expect(await fleet.applied('acme')).toEqual(['0001_projects']);
  expect(await fleet.tables('globex')).toEqual(['pgmigrations', 'projects']);
});

it('a fleet without anything pending is left alone', async () => {
  const report = await fleet.migrate();
  expect(report.shared.status).toBe('upToDate');
  expect(report.tenants).toEqual({ total: 2, applied: 0, upToDate: 2, failed: 0, notExecuted: 0, missing: 0 });
  expect(report.results).toEqual([]);
});

it('a new migration reaches every tenant', async () => {
  await fleet.tenantMigration('0002_tasks.sql', 'CREATE TABLE tasks (id int);');
  const before = await status(await fleet.project());
  expect(before.tenants).toMatchObject({ total: 2, pending: 2 });
  expect(before.cohorts).toHaveLength(1);
  const report = await fleet.migrate();
  expect(report.results.map(({ tenant, status: how }) => [tenant, how])).toEqual([
    ['acme', 'applied'],
    ['globex', 'applied'],
  ]);
  expect(await fleet.applied('acme')).toEqual(['0001_projects', '0002_tasks']);
  expect(await fleet.tables('public')).not.toContain('tasks');
});
