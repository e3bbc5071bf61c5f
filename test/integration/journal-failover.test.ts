import type { Client } from 'pg';
import { expect, it } from 'vitest';

import { RunJournal } from '../../src/journal/write/run-journal.js';
import { withAdmin } from '../support/admin.js';
import { useFleet } from '../support/fleet.js';

const fleet = useFleet();

const MIGRATIONS = ['0002_two'];
const done = (tenant: string): { type: string; result: unknown } => ({
  type: 'tenant:done',
  result: { tenant, status: 'applied', migrations: MIGRATIONS, durationMs: 1 },
});
const planned = (...schemas: string[]): Parameters<RunJournal['plan']>[0] => [
  {
    type: null,
    applied: ['0001_projects'],
    migrations: MIGRATIONS,
    members: schemas.map((schema) => ({ schema, oid: null })),
  },
];

it('what a failover has taken from a record comes back with the first write after it, whichever that is', async () => {
  const { database } = fleet;
  const project = await fleet.project();
  await withAdmin(database.url, async (first) => {
    await withAdmin(database.url, async (second) => {
      let control: Client = first;
      const options = { command: 'migrate', wholeFleet: true, invocation: undefined } as const;
      const journal = new RunJournal(project, () => control, options);
      const checksum = {
        method: 'parse-tree',
        checksum: 'c',
        fileDigest: 'd',
        file: '0002_two.sql',
        asFound: false,
      } as const;
      const checksums = [{ schema: 'tenant', type: null, migration: '0002_two', ...checksum } as const];
      await journal.begin({
        shared: [],
        files: { checksums, touched: [] },
        readPlaces: () => Promise.resolve(new Map()),
      });
      await journal.plan(planned('t1', 't2'));
      for (const tenant of ['t1', 't2']) journal.handle(done(tenant));
      const recorded = 'SELECT count(*)::int AS count FROM tenants_journal.results';
      await expect.poll(async () => (await database.query(recorded)).rows).toEqual([{ count: 2 }]);
      await database.query('TRUNCATE tenants_journal.runs, tenants_journal.plans, tenants_journal.results');
      await database.query('TRUNCATE tenants_journal.checksums');
      control = second;
      await journal.plan(planned('t3'));
      journal.handle(done('t3'));
      await journal.end({
        results: ['t1', 't2', 't3'].map((tenant) => done(tenant).result) as never,
        counts: { total: 3, applied: 3 },
        shared: { status: 'upToDate', migrations: [], error: null },
        exitCode: 0,
      });
      expect(journal.warnings).toEqual([]);
    });
  });
  const rows = async (sql: string): Promise<unknown[]> => (await fleet.database.query(sql)).rows;
  expect(await rows('SELECT id::int, exit_code FROM tenants_journal.runs')).toEqual([{ id: 1, exit_code: 0 }]);
  expect(await rows('SELECT tenant FROM tenants_journal.results ORDER BY 1')).toEqual(
    ['t1', 't2', 't3'].map((tenant) => ({ tenant })),
  );
  expect(await rows('SELECT number, tenants FROM tenants_journal.plans ORDER BY 1')).toEqual([
    { number: 0, tenants: ['t1', 't2'] },
    { number: 1, tenants: ['t3'] },
  ]);
  expect(await rows('SELECT migration, first_applied_at IS NOT NULL AS known FROM tenants_journal.checksums')).toEqual([
    { migration: '0002_two', known: true },
  ]);
});
