import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { EngineLane } from '../../src/engine/apply/lane.js';
import { createCompiler } from '../../src/engine/compile/compiler.js';
import { listMigrationFiles } from '../../src/engine/files.js';
import { makePlan } from '../../src/engine/plan.js';
import type { MigrationSource, Plan } from '../../src/engine/types.js';
import { applySettings } from '../../src/fleet/apply-settings.js';
import { REPOSITORY } from '../support/build.js';
import { useDatabase } from '../support/database.js';
import { describeSchema } from '../support/describe-schema.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

/** A plan gives the same schema whether its SQL was known beforehand or node-pg-migrate runs it against each tenant. */
const database = useDatabase();
let fleet: TestFleet;

beforeAll(async () => {
  fleet = await createFleet(database);
});
afterAll(() => fleet.remove());

const catalogOf = async (schema: string): Promise<string[]> => await describeSchema(await database.client(), schema);

const sourceOf = (directory: string): MigrationSource => ({
  directory,
  ignorePattern: undefined,
  decamelize: false,
  tsconfigPaths: false,
});

it('all migrations of the sample application, once compiled and once built while they run', async () => {
  const project = await fleet.project({
    shared: { schema: 'public', migrations: join(REPOSITORY, 'migrations', 'shared') },
  });
  expect((await fleet.migrate({ selection: { kind: 'shared' } }, project)).shared.error).toBeNull();
  const source = sourceOf(join(REPOSITORY, 'migrations', 'tenant'));
  const files = await listMigrationFiles(source);
  expect(files.length).toBeGreaterThan(5);
  const compiler = createCompiler(source, files, {
    migrationsTable: 'pgmigrations',
    extensions: new Set(),
    checkExtensions: false,
    fallThrough: 'error',
  });
  const migrations = await compiler.compile(
    files.map(({ name }) => name),
    'up',
  );
  expect(migrations.some(({ mode }) => mode === 'compiled')).toBe(true);

  const base = {
    scope: { kind: 'tenants', type: null },
    source,
    direction: 'up',
    applied: [],
    tableExists: false,
    fake: false,
    transaction: 'tenant',
  } as const;
  const forced = migrations.map((one) => ({ ...one, mode: 'direct' as const, statements: [], reason: 'forced' }));
  const plans = new Map<string, Plan>([
    ['compiled', makePlan({ ...base, applied: [], id: 'compiled', migrations })],
    ['direct', makePlan({ ...base, applied: [], id: 'direct', migrations: forced })],
  ]);
  const lane = new EngineLane({
    database: database.config,
    plans,
    settings: { ...applySettings(project), registry: undefined },
    filesOf: () => files,
    recycleAfter: 10,
  });
  for (const planId of plans.keys()) {
    expect(await lane.apply({ tenant: planId, planId, schemaOid: null })).toMatchObject({ status: 'applied' });
  }
  await lane.close();
  const compiled = await catalogOf('compiled');
  expect(compiled.length).toBeGreaterThan(50);
  expect(await catalogOf('direct')).toEqual(compiled);
  expect(await fleet.applied('direct')).toEqual(await fleet.applied('compiled'));
});
