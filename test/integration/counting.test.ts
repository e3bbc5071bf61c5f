import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { status } from '../../src/fleet/status.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { plan } from '../../src/run/plan.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { type Counts, countActivity, type Proxy } from '../support/proxy.js';

/** What a fleet of a thousand costs, in connections and round trips, counted on the wire. */
const TENANTS = 1000;
const LANES = 3;
/** As many schemas one statement of the survey reads. */
const BATCH = 200;

const database = useDatabase();
let fleet: TestFleet;
let next = 1;

beforeAll(async () => {
  fleet = await createFleet(database);
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.create('t0000');
  await database.query(
    `DO $$ BEGIN FOR n IN 1..${TENANTS - 1} LOOP
       EXECUTE format('CREATE SCHEMA %1$I; CREATE TABLE %1$I.pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);
         INSERT INTO %1$I.pgmigrations (name, run_on) SELECT name, run_on FROM t0000.pgmigrations; CREATE TABLE %1$I.projects (id int)', 't' || lpad(n::text, 4, '0'));
       COMMIT; END LOOP; END $$`,
  );
  await database.query(
    `INSERT INTO tenants (schema_name) SELECT 't' || lpad(n::text, 4, '0') FROM generate_series(1, ${TENANTS - 1}) n`,
  );
}, 120_000);
afterAll(() => fleet.remove());

async function count<T>(action: (proxy: Proxy) => Promise<T>): Promise<{ result: T; counts: Counts }> {
  return await countActivity(database, action);
}

const migrate = (overrides: object) =>
  count(async (proxy) => await fleet.migrate({}, { database: proxy.config, concurrency: LANES, ...overrides }));

describe('when nothing is pending', () => {
  it('connections are those of the survey, statements a handful', async () => {
    const { result, counts } = await migrate({});
    expect(result.tenants).toMatchObject({ total: TENANTS, upToDate: TENANTS });
    expect(counts.connections).toBe(LANES);
    expect(counts.statements).toBeLessThan(TENANTS / BATCH + 35);
    expect(counts.roundTrips).toBeLessThan(TENANTS / BATCH + 35);
  });

  it('a plan needs no more', async () => {
    const { result, counts } = await count(
      async (proxy) =>
        await plan(await fleet.project({ database: proxy.config, concurrency: LANES }), { selection: { kind: 'all' } }),
    );
    expect(result.tenants.upToDate).toBe(TENANTS);
    expect(counts.connections).toBe(LANES);
    expect(counts.roundTrips).toBeLessThan(TENANTS / BATCH + 20);
  });

  it('for status too', async () => {
    const { result, counts } = await count(
      async (proxy) => await status(await fleet.project({ database: proxy.config, concurrency: LANES })),
    );
    expect(result.tenants.upToDate).toBe(TENANTS);
    expect(counts.connections).toBe(LANES);
    expect(counts.roundTrips).toBeLessThan(TENANTS / BATCH + 20);
  });
});

describe('one pending migration', () => {
  async function measure(sql: string, overrides: object): Promise<Counts> {
    next += 1;
    await fleet.tenantMigration(`${String(next).padStart(4, '0')}_counted.sql`, sql.replaceAll('%n', String(next)));
    const { result, counts } = await migrate(overrides);
    expect(result.tenants).toMatchObject({ applied: TENANTS, failed: 0 });
    return counts;
  }

  /** What is not spent on tenants: connecting, locks, the survey of the fleet, the end. Some commits are flushed together. */
  const OVERHEAD = TENANTS / BATCH + 40 + TENANTS / 10;

  /** A run that takes more than a few seconds looks at the server from one connection more. */
  const expectConnections = ({ connections }: Counts, expected: number): void => {
    expect(connections).toBeGreaterThanOrEqual(expected);
    expect(connections).toBeLessThanOrEqual(expected + 1);
  };

  it('costs one round trip a tenant, and a connection a lane', async () => {
    const counts = await measure('CREATE TABLE counted_%n (id int); CREATE INDEX ON counted_%n (id);', { canary: 0 });
    // Control, the survey's further ones, lanes. The look at who came meanwhile finds nobody to survey.
    expectConnections(counts, 1 + (LANES - 1) + LANES);
    expect(counts.roundTrips).toBeGreaterThanOrEqual(TENANTS);
    expect(counts.roundTrips).toBeLessThan(TENANTS + OVERHEAD);
  });

  it('the canary has a connection of its own', async () => {
    const counts = await measure('CREATE TABLE counted_%n (id int);', { canary: 1 });
    expectConnections(counts, 1 + (LANES - 1) + LANES + 1);
    expect(counts.roundTrips).toBeLessThan(TENANTS + OVERHEAD);
  });

  it('a lane is replaced after the tenants it was meant to serve', async () => {
    const counts = await measure('CREATE TABLE counted_%n (id int);', {
      canary: 0,
      concurrency: 1,
      recycle: { tenants: 250 },
    });
    expectConnections(counts, 1 + TENANTS / 250);
  });
});

it('two transactions are two round trips a tenant', async () => {
  await fleet.tenantMigration('0100_a.sql', 'CREATE TABLE a (id int);');
  await fleet.tenantMigration('0101_b.sql', 'CREATE TABLE b (id int);');
  const { counts } = await migrate({ canary: 0, transaction: 'migration' });
  expect(counts.roundTrips).toBeGreaterThanOrEqual(2 * TENANTS);
  // While it goes on, the control connection flushes and writes its record twice a second each.
  expect(counts.roundTrips).toBeLessThan(2 * TENANTS + 200);
});

it('a new tenant is two connections and a few round trips', async () => {
  const { counts } = await count(
    async (proxy) => await createTenant(await fleet.project({ database: proxy.config }), { schema: 'fresh' }),
  );
  expect(counts.connections).toBe(2);
  expect(counts.roundTrips).toBeLessThan(30);
});

describe('a hundred migrations', () => {
  const MIGRATIONS = 100;
  const many = useDatabase({ name: 'many' });
  let longFleet: TestFleet;

  beforeAll(async () => {
    const files = Array.from({ length: MIGRATIONS - 1 }, (_, index) => {
      const number = String(index + 2).padStart(4, '0');
      return [`migrations/tenant/${number}_step.sql`, `CREATE TABLE s${number} (id int);`];
    });
    longFleet = await createFleet(many, Object.fromEntries(files) as Record<string, string>);
    await longFleet.migrate({ selection: { kind: 'shared' } });
  });
  afterAll(() => longFleet.remove());

  /** What passes while something is done, and how many transactions were begun in the meantime. */
  async function watch<T>(action: (proxy: Proxy) => Promise<T>): Promise<{ result: T; counts: Counts; begun: number }> {
    let begun = 0;
    const { result, counts } = await countActivity(many, async (proxy) => {
      // An observer: it never cuts.
      proxy.cut({ when: ({ sql }) => (begun += sql.startsWith('BEGIN') ? 1 : 0) < 0 });
      return await action(proxy);
    });
    return { result, counts, begun };
  }

  it('a new tenant takes as many round trips as with one migration, and one transaction for them', async () => {
    const create = (schema: string, noMigrate: boolean) =>
      watch(async (proxy) => createTenant(await longFleet.project({ database: proxy.config }), { schema, noMigrate }));
    const bare = await create('bare', true);
    const full = await create('full', false);
    expect(full.result.migrations).toHaveLength(MIGRATIONS);
    expect(full.counts.connections).toBe(2);
    expect(full.counts.statements).toBeGreaterThanOrEqual(bare.counts.statements + 2 * MIGRATIONS);
    // The pool and the snapshot are looked for; nothing depends on the number of migrations.
    expect(full.counts.roundTrips).toBeLessThanOrEqual(bare.counts.roundTrips + 5);
    expect(full.begun).toBe(bare.begun);
    expect(full.begun).toBe(1);
  });

  it('all of them pending is one round trip and one transaction a tenant', async () => {
    const tenants = 20;
    await many.query(
      `DO $$ BEGIN FOR n IN 1..${tenants} LOOP EXECUTE format('CREATE SCHEMA %I', 'e' || n); END LOOP; END $$`,
    );
    await many.query(`INSERT INTO tenants (schema_name) SELECT 'e' || n FROM generate_series(1, ${tenants}) n`);
    await many.query(`DELETE FROM tenants WHERE schema_name = 'bare'`);
    const run = async () =>
      await watch(
        async (proxy) => await longFleet.migrate({}, { database: proxy.config, concurrency: LANES, canary: 0 }),
      );
    const first = await run();
    const again = await run();
    expect(first.result.tenants).toMatchObject({ applied: tenants, failed: 0 });
    expect(again.result.tenants).toMatchObject({ applied: 0, upToDate: tenants + 1 });
    expect(first.begun - again.begun).toBe(tenants);
    // The lanes' connections have a few round trips of their own, and commits are flushed now and then: at most each.
    expect(first.counts.roundTrips).toBeGreaterThanOrEqual(again.counts.roundTrips + tenants);
    expect(first.counts.roundTrips).toBeLessThan(again.counts.roundTrips + 2 * tenants + 15);
    expect(first.counts.connections).toBe(1 + LANES);
  });
});
