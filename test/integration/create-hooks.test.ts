import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTenant } from '../../src/fleet/create-tenant.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

const database = useDatabase();
let fleet: TestFleet;

beforeAll(async () => {
  fleet = await createFleet(database);
  await fleet.migrate({ selection: { kind: 'shared' } });
});
afterAll(() => fleet.remove());

test('the hooks of the creation are told of the tenant, one before it is there and one after', async () => {
  const calls: unknown[] = [];
  const look = async (when: string, context: { tenant: string; domains: string[] }): Promise<void> => {
    calls.push([when, context, (await fleet.tables(context.tenant)).length > 0]);
  };
  await createTenant(await fleet.project(), {
    schema: 'acme',
    domains: ['acme.example.com'],
    hooks: {
      beforeCreateTenant: (context) => look('before', context),
      afterCreateTenant: (context) => look('after', context),
    },
  });
  const told = { tenant: 'acme', domains: ['acme.example.com'] };
  expect(calls).toEqual([
    ['before', told, false],
    ['after', told, true],
  ]);
});

test('a hook that throws beforehand leaves nothing behind', async () => {
  const refused = createTenant(await fleet.project(), {
    schema: 'refused',
    hooks: {
      beforeCreateTenant: () => {
        throw new Error('not on a Sunday');
      },
    },
  });
  await expect(refused).rejects.toThrow('not on a Sunday');
  expect(await fleet.tables('refused')).toEqual([]);
  const { rows } = await database.query(`SELECT count(*)::int AS n FROM tenants WHERE schema_name = 'refused'`);
  expect(rows).toEqual([{ n: 0 }]);
});
