import { Client } from 'pg';
import { describe, expect, it, vi } from 'vitest';

import { cloneTenant } from '../../src/lifecycle/clone-tenant.js';
import { renameTenant } from '../../src/lifecycle/rename-tenant.js';
import { rollback } from '../../src/run/rollback.js';
import { drift } from '../../src/structure/drift.js';
import { RICH } from '../fixtures/rich-schema.js';
import { findPostgres, startPostgres } from '../support/debian-postgres.js';
import { createFleet, type FleetDatabase, type TestFleet, useFleet } from '../support/fleet.js';

/** A structure is the same however it was made: this is what the tenants of this fleet have in common. */
async function makeInEveryWay(fleet: TestFleet<FleetDatabase>): Promise<void> {
  await fleet.migrate({ selection: { kind: 'shared' } });
  // Migrated one migration at a time.
  await fleet.create('early');
  await fleet.tenantMigration('0002_rich.sql', RICH);
  await fleet.migrate();
  // Created with all of them at once.
  await fleet.create('late', 'odd_one');
  // Undone and done again.
  await rollback(await fleet.project(), { selection: { kind: 'tenants', names: ['odd_one'] }, target: { count: 1 } });
  await fleet.migrate();
  await renameTenant(await fleet.project(), { from: 'odd_one', to: 'invoices' });
  for (const executor of ['standard', 'multiprocessing', 'worker-threads']) {
    const schema = `by_${executor.replaceAll('-', '_')}`;
    await fleet.database.query(`INSERT INTO tenants (schema_name, name) VALUES ('${schema}', '${schema}')`);
    await fleet.migrate({ missing: 'create' }, { executor });
  }
}

describe('tenants that the same migrations made', () => {
  const fleet = useFleet();

  it('are equal, however they were made, and as the files say', async () => {
    await makeInEveryWay(fleet);
    for (const against of [undefined, { kind: 'files' as const }]) {
      const report = await drift(await fleet.project(), against === undefined ? {} : { against });
      expect(report.groups.flatMap(({ differences }) => differences)).toEqual([]);
      expect(report.tenants).toEqual({ total: 6, equal: 6, different: 0 });
    }
  });
});

const bin = findPostgres();

describe.skipIf(bin === undefined)("with the operating system's PostgreSQL", () => {
  it('they are equal as well, a clone among them', async () => {
    const server = await startPostgres(bin ?? '');
    const client = new Client(server.config);
    await client.connect();
    const fleet = await createFleet({ ...server, query: (sql, values) => client.query(sql, values) });
    try {
      await makeInEveryWay(fleet);
      vi.stubEnv('PATH', `${bin}:${process.env['PATH']}`);
      await cloneTenant(await fleet.project(), { source: 'late', schema: 'cloned' });
      const report = await drift(await fleet.project());
      expect(report.groups.flatMap(({ differences }) => differences)).toEqual([]);
      expect(report.tenants).toEqual({ total: 7, equal: 7, different: 0 });
    } finally {
      vi.unstubAllEnvs();
      await fleet.remove();
      await client.end();
      await server.stop();
    }
  });
});
