import { setTimeout as sleep } from 'node:timers/promises';

import { expect, it } from 'vitest';

import { doctor } from '../../src/doctor/doctor.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import type { MigrateReport } from '../../src/run/types.js';
import { CITUS_START, crash, startNodes } from '../support/citus-crash.js';
import { describeCitus, nodeOf, useCitusFleet, type CitusDatabase } from '../support/citus.js';

const MOMENTS = Number(process.env['TENANTS_TEST_CITUS_CRASHES'] ?? '5');
const TENANTS = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8'];

/** What a row of the printed table counts. */
type Tally = { crashes: number; prepared: number; during: number; next: number; torn: number };

describeCitus('crashes of a node in the middle of a run', () => {
  const fleet = useCitusFleet();
  let count = 1;
  const rows: Record<string, Tally> = {};

  it.skipIf(CITUS_START === '').each(['coordinator', 'worker'])(
    'leave each tenant where it was or where it should be, on both sides: %s',
    async (victim) => {
      const { database } = fleet();
      for (const schema of TENANTS) await createTenant(await fleet().project(), { schema, ifNotExists: true });
      const directories = await dataDirectories(database);
      const tally: Tally = { crashes: 0, prepared: 0, during: 0, next: 0, torn: 0 };
      rows[victim] = tally;
      let usualMs = await timed(async () => void (await addAndMigrate()));
      for (let moment = 0; moment < MOMENTS; moment += 1) {
        const node = victim === 'worker' ? (database.workers[moment % 2] ?? '') : new URL(database.url).host;
        const running = addAndMigrate().catch((error: unknown) => error as Error);
        await sleep(Math.random() * usualMs);
        await crash(directories.get(node) ?? '');
        tally.crashes += 1;
        await sleep(Math.random() * 300);
        await startNodes(database);
        tally.prepared += await countPrepared(database);
        const report = await running;
        tally.during += report instanceof Error ? 0 : report.tenants.applied;
        const next = await fleet().migrate();
        tally.next += next.tenants.applied;
        expect(next.results.filter(({ status }) => status === 'failed')).toEqual([]);
        tally.torn += await countTorn(database, count);
      }
      process.stdout.write(`${table(rows)}\n`);
      expect(tally).toMatchObject({ crashes: MOMENTS, torn: 0 });
      usualMs = 0;
    },
    60 * 60_000,
  );

  it.skipIf(CITUS_START === '')(
    'tenants on a node that is down fail alone, and are finished by the next run',
    async () => {
      const { database } = fleet();
      for (const schema of TENANTS) await createTenant(await fleet().project(), { schema, ifNotExists: true });
      const [down = ''] = database.workers;
      const on = new Map<string, string | undefined>();
      for (const schema of TENANTS) on.set(schema, await nodeOf(database, schema));
      const away = TENANTS.filter((schema) => on.get(schema) === down);
      expect(away.length).toBeGreaterThan(0);
      await crash((await dataDirectories(database)).get(down) ?? '');
      const [host, port] = down.split(':');
      const failures = ({ results }: MigrateReport): string[] =>
        results.flatMap((one) => (one.status === 'failed' ? [`${one.tenant} ${one.error.code}`] : [])).sort();
      try {
        // Citus tells every node of a change of structure, whose tenant it may be.
        const all = await addAndMigrate();
        expect(failures(all)).toEqual(TENANTS.map((schema) => `${schema} NODE_UNREACHABLE`));
        await database.query('SELECT stop_metadata_sync_to_node($1, $2, false)', [host, Number(port)]);
        const some = await fleet().migrate();
        expect(failures(some)).toEqual(away.map((schema) => `${schema} NODE_UNREACHABLE`));
        expect(some.tenants).toMatchObject({ applied: TENANTS.length - away.length, notExecuted: 0 });
        const { checks } = await doctor(await fleet().project());
        const { items } = checks.find(({ name }) => name === 'citus-nodes') ?? {};
        expect(items).toEqual([expect.stringContaining(down)]);
      } finally {
        await startNodes(database);
        await database.query('SELECT start_metadata_sync_to_node($1, $2)', [host, Number(port)]);
      }
      expect((await fleet().migrate()).tenants).toMatchObject({ applied: away.length, failed: 0 });
      expect(await countTorn(database, count)).toBe(0);
    },
  );

  /** Writes one more migration and runs it. */
  async function addAndMigrate(): Promise<MigrateReport> {
    count += 1;
    const sql = `ALTER TABLE projects ADD COLUMN k${count} int; CREATE INDEX ON projects (k${count}); INSERT INTO projects (k${count}) VALUES (1);`;
    await fleet().tenantMigration(`${String(count).padStart(4, '0')}_k.sql`, sql);
    return await fleet().migrate({}, { canary: 0 });
  }
});

async function timed(action: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return performance.now() - startedAt;
}

async function dataDirectories(database: CitusDatabase): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const node of [new URL(database.url).host, ...database.workers]) {
    const { rows } = await database.on<{ directory: string }>(
      node,
      `SELECT current_setting('data_directory') AS directory`,
    );
    found.set(node, rows[0]?.directory ?? '');
  }
  return found;
}

async function countPrepared(database: CitusDatabase): Promise<number> {
  let sum = 0;
  for (const node of database.workers) sum += (await database.on(node, 'SELECT FROM pg_prepared_xacts')).rowCount ?? 0;
  return sum;
}

/**
 * Tenants whose columns on the coordinator are not those on the node, that lack a migration, or in which one ran twice: each adds a
 * column, a row of its own, and a row of the migrations table.
 */
async function countTorn(database: CitusDatabase, migrations: number): Promise<number> {
  let torn = 0;
  for (const schema of TENANTS) {
    const columns = `SELECT string_agg(attname, ',' ORDER BY attname) AS list FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
      JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = '${schema}' AND relkind = 'r' AND attnum > 0 AND NOT attisdropped AND relname ~ `;
    const here = await database.query<{ list: string }>(`${columns} '^projects$'`);
    const node = (await nodeOf(database, schema)) ?? '';
    const there = await database.on<{ list: string }>(
      node,
      `SET citus.override_table_visibility TO off; ${columns} '^projects_[0-9]+$'`,
    );
    const answers = (Array.isArray(there) ? there.at(-1) : there) as typeof here;
    const counts = await database.query<{ rows: number; applied: number; names: number }>(
      `SELECT (SELECT count(*)::int FROM ${schema}.projects) AS rows, count(*)::int AS applied, count(DISTINCT name)::int AS names FROM ${schema}.pgmigrations`,
    );
    const { rows, applied, names } = counts.rows[0] ?? {};
    const sound =
      here.rows[0]?.list === answers.rows[0]?.list &&
      here.rows[0]?.list.split(',').length === migrations + 1 &&
      rows === migrations - 1 &&
      applied === migrations &&
      names === migrations;
    if (!sound) {
      torn += 1;
      process.stdout.write(
        `torn: ${JSON.stringify({ schema, migrations, here: here.rows, there: answers.rows, counts: counts.rows })}\n`,
      );
    }
  }
  return torn;
}

function table(rows: Record<string, Tally>): string {
  const lines = Object.entries(rows).map(
    ([victim, { crashes, prepared, during, next, torn }]) =>
      `| ${victim} | ${crashes} | ${prepared} | ${during} | ${next} | ${torn} |`,
  );
  return [
    '| kill -9 of the … | moments | transactions left prepared | tenants done by the run | by the next run | torn |',
    '|---|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}
