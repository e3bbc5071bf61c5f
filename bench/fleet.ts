import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { Client, type ClientConfig } from 'pg';

import { registryMigration } from '../src/registry/index.js';
import { SHAPE } from '../test/support/registry-shapes.js';

/** Migrations of the benchmark's application, and tables that each of them makes. */
export const MIGRATIONS = 20;
export const TABLES = 10;

/** What is pending when a measurement starts. */
export type Scenario = 'noop' | 'one' | 'all';

/** A fleet in a database of its own, and the project folder that describes it. */
export type BenchFleet = {
  folder: string;
  database: ClientConfig;
  url: string;
  tenants: string[];
  /** SQL of the tenant migrations that the scenario leaves pending, in order, one text per file. */
  pendingSql(scenario: Scenario): { name: string; sql: string }[];
  /** Puts every tenant where the scenario starts. */
  reset(scenario: Scenario): Promise<void>;
  remove(): Promise<void>;
};

const nameOf = (index: number): string => `${String(index).padStart(4, '0')}_step`;
const LAST = `${nameOf(MIGRATIONS + 1)}`;
const LAST_SQL = 'ALTER TABLE t_1_1 ADD COLUMN extra text;\nCREATE INDEX t_1_1_extra ON t_1_1 (extra);\n';

/** One file: some tables with a key, two columns and an index; the size of an ordinary feature. */
function stepSql(index: number): string {
  return Array.from({ length: TABLES }, (_, table) => `t_${index}_${table + 1}`)
    .map(
      (name) =>
        `CREATE TABLE ${name} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, at timestamptz NOT NULL DEFAULT now());`,
    )
    .join('\n');
}

/** Builds the fleet: schemas, registry, and every migration but the last one applied. */
export async function buildFleet(url: string, count: number): Promise<BenchFleet> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tenants-bench-'));
  await mkdir(path.join(folder, 'migrations', 'shared'), { recursive: true });
  await mkdir(path.join(folder, 'migrations', 'tenant'), { recursive: true });
  await writeFile(path.join(folder, 'tenants.config.json'), '{}');
  await writeFile(path.join(folder, 'migrations', 'shared', '0001_registry.sql'), registryMigration(SHAPE));
  const steps = Array.from({ length: MIGRATIONS }, (_, index) => ({
    name: nameOf(index + 1),
    sql: stepSql(index + 1),
  }));
  for (const { name, sql } of steps) await writeFile(path.join(folder, 'migrations', 'tenant', `${name}.sql`), sql);
  const tenants = Array.from({ length: count }, (_, index) => `t${String(index + 1).padStart(6, '0')}`);
  const last = path.join(folder, 'migrations', 'tenant', `${LAST}.sql`);

  return {
    folder,
    database: { connectionString: url },
    url,
    tenants,
    pendingSql: (scenario) => {
      if (scenario === 'noop') return [];
      return scenario === 'one' ? [{ name: LAST, sql: LAST_SQL }] : [...steps, { name: LAST, sql: LAST_SQL }];
    },
    reset: async (scenario) => {
      if (scenario === 'noop') await rm(last, { force: true });
      else await writeFile(last, LAST_SQL);
      await overLanes(url, tenants, 4, async (client, tenant) => {
        if (scenario === 'all') await client.query(`DROP SCHEMA IF EXISTS ${tenant} CASCADE; CREATE SCHEMA ${tenant}`);
        else
          await client.query(
            `DROP INDEX IF EXISTS ${tenant}.t_1_1_extra; ALTER TABLE ${tenant}.t_1_1 DROP COLUMN IF EXISTS extra; DELETE FROM ${tenant}.pgmigrations WHERE name = '${LAST}'`,
          );
      });
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Calls `each` for every tenant, over some connections that take from one queue. */
export async function overLanes(
  url: string,
  tenants: readonly string[],
  lanes: number,
  each: (client: Client, tenant: string) => Promise<void>,
): Promise<void> {
  const queue = tenants.values();
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      const client = new Client({ connectionString: url });
      await client.connect();
      try {
        for (const tenant of queue) await each(client, tenant);
      } finally {
        await client.end();
      }
    }),
  );
}
