import { rm } from 'node:fs/promises';

import { buildEmpty, fill, inEverySchema, tenantNames, tidy } from './build.js';
import { TENANTS } from './contenders/tenants.js';
import { withClient } from './database.js';
import type { Options, Scenario } from './options.js';
import {
  lastMigration,
  type Migration,
  migrationPath,
  migrationsOf,
  smallMigrations,
  withProject,
  writeMigration,
} from './project.js';
import type { FleetFacts } from './report.js';
import { node, runProgram } from './run-program.js';
import { type BenchServer, withCopies, withDatabase, withoutSync } from './server.js';

/** A scenario made ready: a fleet, and the way back to where it starts. */
export type Stage = {
  scenario: Scenario;
  folder: string;
  tenants: string[];
  pending: Migration[];
  /** Puts the fleet where the scenario starts; returns the URL of its database. */
  begin(): Promise<string>;
};

/** Starting needs neither a fleet nor a server. */
export const STARTUP: Stage = {
  scenario: 'startup',
  folder: '.',
  tenants: [''],
  pending: [],
  begin: () => Promise.resolve('postgresql://nowhere'),
};

type Use = (stage: Stage) => Promise<void>;

/** Lends every stage that is asked for, with fleets of `count` tenants; `note` is told what was built. */
export async function withStages(
  server: BenchServer,
  options: Options,
  count: number,
  note: (facts: FleetFacts) => void,
  use: Use,
): Promise<void> {
  const wanted = (scenario: Scenario): boolean => options.scenarios.includes(scenario);
  const steps = migrationsOf(options.shape);
  if (['noop', 'status', 'plan', 'one', 'create'].some((scenario) => wanted(scenario as Scenario))) {
    await withProject(steps, (folder) =>
      withEmptyFleet(server, folder, count, async (url) => {
        note(await buildFleet(server, url, folder, count, steps, options));
        await useFleet(server, url, folder, count, options, use);
      }),
    );
  }
  if (wanted('all')) {
    const size = Math.min(count, options.allTenants);
    const last = lastMigration(options.shape);
    await withProject([...steps, last], (folder) =>
      withEmptyFleet(server, folder, size, (_, template) =>
        withCopies(server, template, (begin) =>
          use({ scenario: 'all', folder, tenants: tenantNames(size), pending: [...steps, last], begin }),
        ),
      ),
    );
  }
}

/** Lends a database with the registry, and with registered schemas that are empty. */
async function withEmptyFleet(
  server: BenchServer,
  folder: string,
  count: number,
  use: (url: string, name: string) => Promise<void>,
): Promise<void> {
  await withDatabase(server, undefined, async (url, name) => {
    await runProgram({ ...node(TENANTS, ['migrate', '--shared'], folder), env: { DATABASE_URL: url } });
    await withoutSync(server, () => buildEmpty(url, count));
    await use(url, name);
  });
}

async function buildFleet(
  server: BenchServer,
  url: string,
  folder: string,
  count: number,
  steps: readonly Migration[],
  { connections }: Options,
): Promise<FleetFacts> {
  process.stderr.write(`Building ${count} tenants.\n`);
  const begun = performance.now();
  await withoutSync(server, () => fill(url, count, steps, connections));
  const buildMs = performance.now() - begun;
  await runProgram({ ...node(TENANTS, ['status', '--check'], folder), env: { DATABASE_URL: url } });
  const relations = await withClient(url, async (client) => {
    const { rows } = await client.query<{ n: number }>(
      // A TOAST table and its index lie in another schema.
      `SELECT sum(CASE WHEN reltoastrelid = 0 THEN 1 ELSE 3 END)::int AS n
         FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname ~ '^t\\d{6}$'`,
    );
    return rows[0]?.n ?? 0;
  });
  process.stderr.write(`Built in ${(buildMs / 1000).toFixed(1)} s: ${relations} relations.\n`);
  return { tenants: count, buildMs, relationsPerTenant: Math.round(relations / count) };
}

/** The scenarios that a migrated fleet serves. */
async function useFleet(
  server: BenchServer,
  url: string,
  folder: string,
  count: number,
  options: Options,
  use: Use,
): Promise<void> {
  const tenants = tenantNames(count);
  const wanted = (scenario: Scenario): boolean => options.scenarios.includes(scenario);
  for (const scenario of (['noop', 'status', 'plan'] as const).filter(wanted)) {
    await use({ scenario, folder, tenants, pending: [], begin: () => Promise.resolve(url) });
  }
  if (wanted('create')) {
    const pending = smallMigrations(options.createMigrations);
    const tenant = 'brand_new';
    await withProject(pending, (folder) =>
      use({ scenario: 'create', folder, tenants: [tenant], pending, begin: () => removeTenant(server, url, tenant) }),
    );
    await removeTenant(server, url, tenant);
  }
  if (wanted('one')) {
    const last = lastMigration(options.shape);
    let fresh = true;
    const begin = async (): Promise<string> => {
      if (!fresh) {
        await withoutSync(server, () => inEverySchema(url, count, last.undo, options.connections));
      }
      fresh = false;
      return url;
    };
    await writeMigration(folder, last);
    await use({ scenario: 'one', folder, tenants, pending: [last], begin });
    await rm(migrationPath(folder, last.name));
  }
}

async function removeTenant(server: BenchServer, url: string, tenant: string): Promise<string> {
  await withoutSync(server, async () => {
    await withClient(url, async (client) => {
      await client.query(
        `DROP SCHEMA IF EXISTS ${tenant} CASCADE; DELETE FROM tenants WHERE schema_name = '${tenant}'`,
      );
    });
    await tidy(url);
  });
  return url;
}
