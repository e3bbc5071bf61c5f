import { beforeEach } from 'vitest';

import type { Hooks, MigrateHook, MigrateHookContext } from '../../src/project/hook-types.js';
import type { MigrateReport } from '../../src/run/types.js';
import type { TestDatabase } from '../support/database.js';
import { createMissing, type TestFleet, useFleet } from '../support/fleet.js';

/** In the order in which they are handed out. */
export const TENANTS = ['acme', 'big "Corp"', 'select'];

/** One tenant after the other, none of them alone before the rest. */
export const ONE_LANE = { canary: 0, concurrency: 1 };

export type HookFleet = {
  fleet: TestFleet;
  database: TestDatabase;
  migrate(hooks: Hooks, overrides?: object): Promise<MigrateReport>;
  /** What hooks have written into `public.audit`. */
  audit(): Promise<string[]>;
};

/** Before each test a fleet of three tenants with `0002_tasks` pending, and a table that hooks write to. */
export function useHookFleet(): HookFleet {
  const fleet = useFleet({
    each: true,
    tenants: [],
    prepare: async (made) => {
      await createMissing(made, TENANTS);
      await made.database.query('CREATE TABLE public.audit (tenant text, note text)');
    },
  });
  beforeEach(() =>
    fleet.tenantMigration(
      '0002_tasks.sql',
      '-- Up Migration\nCREATE TABLE tasks (id int PRIMARY KEY);\n-- Down Migration\nDROP TABLE tasks;',
    ),
  );
  const { database } = fleet;
  return {
    fleet,
    database,
    migrate: (hooks, overrides = {}) => fleet.migrate({}, { ...ONE_LANE, ...overrides, hooks }),
    audit: async () => {
      const { rows } = await database.query('SELECT tenant, note FROM public.audit ORDER BY tenant COLLATE "C", note');
      return rows.map(({ tenant, note }) => `${String(tenant)}: ${String(note)}`);
    },
  };
}

/** A hook that does something for `acme` only. */
export const onlyAcme =
  (hook: (client: NonNullable<MigrateHookContext['client']>) => unknown): MigrateHook =>
  async ({ tenant, client }) => {
    if (tenant === 'acme' && client !== undefined) await hook(client);
  };
