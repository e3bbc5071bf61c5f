import { Pool, type PoolConfig } from 'pg';

import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { createTenancy, type Tenancy, type TenancyOptions } from '../../src/runtime/index.js';
import type { TestDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { fillSql, ROW_FILES } from '../support/row-fleet.js';

/** A fleet whose tenants share tables, and an application's role for which the policies hold. */
export type RowSite = {
  fleet: TestFleet;
  role: string;
  config: PoolConfig;
  pool(config?: PoolConfig): Pool;
  tenancy(options?: Partial<TenancyOptions>): Tenancy;
  /** Everything that a tenant has, as one text. */
  contents(tenant: string): Promise<string>;
  close(): Promise<void>;
};

export const TYPES = { pooled: 'rows', premium: './migrations/tenant' };

/** @param tenants their names; each has the same ids, with `size` customers. */
export async function createRowSite(database: TestDatabase, tenants: readonly string[], size = 3): Promise<RowSite> {
  const fleet = await createFleet(database, ROW_FILES);
  await fleet.migrate({ selection: { kind: 'shared' } });
  const { rows } = await database.query<{ name: string }>('SELECT current_database() AS name');
  const role = `${rows[0]?.name}_app`;
  await database.query(
    `CREATE ROLE ${role} LOGIN PASSWORD 'secret'; GRANT USAGE, CREATE ON SCHEMA public TO ${role};
     GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role}; GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role}`,
  );
  const project = await fleet.project();
  for (const schema of tenants) await createTenant(project, { schema, type: 'pooled' });
  await database.query(tenants.map((tenant) => fillSql(tenant, size)).join('\n'));
  const config = { ...database.config, user: role, password: 'secret' };
  const pools: Pool[] = [];
  const tenancies: Tenancy[] = [];
  const pool = (more: PoolConfig = {}): Pool => {
    const made = new Pool({ ...config, max: 5, ...more });
    made.on('error', () => undefined);
    pools.push(made);
    return made;
  };
  return {
    fleet,
    role,
    config,
    pool,
    tenancy: (options = {}) => {
      const made = createTenancy({ types: TYPES, listen: false, ...options, pool: options.pool ?? pool() });
      tenancies.push(made);
      return made;
    },
    contents: async (tenant) => {
      const id = `(SELECT id FROM tenants WHERE schema_name = '${tenant}')`;
      const parts = ['customers', 'invoices', 'employees'].map(
        (table) => `(SELECT coalesce(jsonb_agg(t ORDER BY id), '[]') FROM ${table} t WHERE tenant_id = ${id})`,
      );
      const found = await database.query<{ all: unknown }>(`SELECT jsonb_build_array(${parts.join(', ')}) AS all`);
      return JSON.stringify(found.rows[0]?.all);
    },
    close: async () => {
      await Promise.all(tenancies.map((each) => each.close()));
      await Promise.all(pools.map((each) => each.end()));
      await database.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
      await fleet.remove();
    },
  };
}
