import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { rowObjects } from '../../src/each-tenant/query/json-values.js';
import { query } from '../../src/each-tenant/query/query.js';
import type { QueryOptions, QueryReport, QueryRows } from '../../src/each-tenant/query/types.js';
import type { Project } from '../../src/project/project.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { openProxy } from '../support/proxy.js';

const HOSTILE = `Se"lect 'é\\ $1`;
const TENANTS = [HOSTILE, 'acme', 'globex', 'initech'];

const database = useDatabase();
let fleet: TestFleet;

beforeAll(async () => {
  fleet = await createFleet(database);
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.create('acme', 'globex', 'initech');
  await database.query(`CREATE SCHEMA ${quoted(HOSTILE)}`);
  await database.query('INSERT INTO tenants (schema_name) VALUES ($1)', [HOSTILE]);
  await fleet.migrate();
  for (const tenant of TENANTS) {
    await database.query(`INSERT INTO ${quoted(tenant)}.projects (name) VALUES ('first of ' || $1)`, [tenant]);
  }
});
afterAll(() => fleet.remove());

type Outcome = QueryReport & { parts: QueryRows[]; objects: Record<string, unknown>[] };

async function run(
  sql: string,
  options: Partial<QueryOptions> = {},
  overrides: Partial<Project> = {},
): Promise<Outcome> {
  const parts: QueryRows[] = [];
  const report = await query(await fleet.project(overrides), {
    sql,
    onRows: (part) => void parts.push(part),
    ...options,
  });
  return { ...report, parts, objects: parts.flatMap((part) => rowObjects(part)) };
}

/** A tenant's statement has reached its `pg_sleep`. */
async function untilAsleep(): Promise<void> {
  await expect
    .poll(
      async () =>
        (
          await database.query(
            `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`,
          )
        ).rows.length,
      { timeout: 20_000, interval: 20 },
    )
    .toBe(1);
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

async function names(): Promise<string[]> {
  const lists = TENANTS.map((tenant) => `SELECT name FROM ${quoted(tenant)}.projects`);
  const { rows } = await database.query<{ name: string }>(`${lists.join(' UNION ALL ')} ORDER BY 1`);
  return rows.map(({ name }) => name);
}

describe('reading', () => {
  it('gives the rows of every tenant, with its name, in the order of the fleet', async () => {
    const { objects, failed, rows } = await run('SELECT name, current_schema()::text AS at FROM projects');
    expect(failed).toEqual([]);
    expect(rows).toBe(4);
    const expected = await database.query<{ schema_name: string }>(
      'SELECT schema_name FROM tenants ORDER BY schema_name',
    );
    expect(objects).toEqual(
      expected.rows.map(({ schema_name: tenant }) => ({ tenant, name: `first of ${tenant}`, at: tenant })),
    );
  });

  it('finds tables of the shared schema too', async () => {
    const { objects } = await run('SELECT count(*) FROM tenants', { names: ['acme'] });
    expect(objects).toEqual([{ tenant: 'acme', count: 4 }]);
  });

  it('keeps a column called tenant and columns of the same name apart', async () => {
    const { objects } = await run(`SELECT 1 AS tenant, 2 AS a, 3 AS a, 4 AS a_1, 5 AS "__proto__"`, {
      names: ['acme'],
    });
    expect(Object.entries(objects[0] ?? {})).toEqual([
      ['tenant', 'acme'],
      ['tenant_1', 1],
      ['a', 2],
      ['a_2', 3],
      ['a_1', 4],
      ['__proto__', 5],
    ]);
  });

  it('gives JSON what JSON can hold and text otherwise', async () => {
    const { objects } = await run(
      `SELECT true AS b, 7::int AS i, 9007199254740991::int8 AS safe, 9007199254740993::int8 AS large, 1.50::numeric AS n,
              1.5::float8 AS f, 'NaN'::float8 AS nan, '{"a":[1]}'::jsonb AS j, ARRAY[1,NULL,3] AS ints,
              ARRAY[['x','NULL'],['y"','{z}']] AS texts, '[2:3]={1,2}'::int[] AS bounds, ARRAY[true,false] AS flags,
              '2024-02-29'::date AS d, timestamp '2024-02-29 12:00' AS t, null AS nothing`,
      { names: ['acme'] },
    );
    expect(objects).toEqual([
      {
        tenant: 'acme',
        b: true,
        i: 7,
        safe: 9007199254740991,
        large: '9007199254740993',
        n: '1.50',
        f: 1.5,
        nan: 'NaN',
        j: { a: [1] },
        ints: [1, null, 3],
        texts: [
          ['x', 'NULL'],
          ['y"', '{z}'],
        ],
        bounds: '[2:3]={1,2}',
        flags: [true, false],
        d: '2024-02-29',
        t: '2024-02-29 12:00:00',
        nothing: null,
      },
    ]);
  });

  it('comes in parts of bounded size, and waits for the reader', async () => {
    let most = 0;
    let reading = 0;
    let together = 0;
    const seen: string[] = [];
    const { rows } = await run('SELECT n FROM generate_series(1, 2345) AS n', {
      onRows: async (part) => {
        reading += 1;
        together = Math.max(together, reading);
        most = Math.max(most, part.rows.length);
        seen.push(...part.rows.map(() => part.tenant));
        await new Promise((resolve) => setTimeout(resolve, 1));
        reading -= 1;
      },
    });
    expect(rows).toBe(4 * 2345);
    expect(most).toBeLessThanOrEqual(500);
    expect(together).toBe(1);
    // Every tenant's rows stand together although four lanes fetch at once.
    expect(seen.filter((tenant, index) => tenant !== seen[index - 1])).toHaveLength(4);
  });

  it('stops when the reader has gone, and throws what the reader threw', async () => {
    const reader = new Error('gone');
    await expect(
      run('SELECT * FROM projects', {
        onRows: () => {
          throw reader;
        },
      }),
    ).rejects.toBe(reader);
  });

  it('leaves nothing open', async () => {
    await run('SELECT 1');
    const { rows } = await database.query(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'tenants: query%' AND state <> 'idle'`,
    );
    expect(rows).toEqual([{ n: 0 }]);
  });
});

describe('what is refused before any tenant is asked', () => {
  it.each([
    ['several statements', 'SELECT 1; DELETE FROM projects', '2 statements'],
    ['nothing', ' -- only a comment\n', 'no statement'],
    ['what is not SQL', 'SELEC 1', 'cannot be read'],
    ['COMMIT', 'COMMIT', 'transaction control'],
    ['ROLLBACK', 'ROLLBACK', 'transaction control'],
    ['SET TRANSACTION', 'SET TRANSACTION READ WRITE', 'settings'],
    ['SET', 'SET search_path = acme', 'settings'],
    ['SET LOCAL', 'SET LOCAL transaction_read_only = off', 'settings'],
    ['RESET', 'RESET ALL', 'settings'],
    ['COPY', 'COPY projects TO STDOUT', 'COPY'],
    ['PREPARE', 'PREPARE p AS SELECT 1', 'prepared statements'],
    ['LISTEN', 'LISTEN channel', 'LISTEN'],
    ['VACUUM', 'VACUUM projects', 'VACUUM'],
    ['CREATE INDEX CONCURRENTLY', 'CREATE INDEX CONCURRENTLY ON projects (name)', 'CONCURRENTLY'],
    ['a parameter', 'SELECT $1', 'parameter'],
  ])('%s', async (_what, sql, reason) => {
    for (const write of [false, true]) {
      await expect(run(sql, { write })).rejects.toMatchObject({
        code: 'USAGE',
        exitCode: 2,
        message: expect.stringContaining(reason) as string,
      });
    }
  });

  it('an unknown tenant', async () => {
    await expect(run('SELECT 1', { names: ['acne'] })).rejects.toMatchObject({
      code: 'UNKNOWN_TENANT',
      message: expect.stringContaining('"acme"') as string,
    });
  });
});

describe('read only means read only', () => {
  it.each([
    ['DELETE', 'DELETE FROM projects'],
    ['a writing WITH', 'WITH gone AS (DELETE FROM projects RETURNING *) SELECT count(*) FROM gone'],
    ['DDL', 'DROP TABLE projects'],
    ['SELECT INTO', 'SELECT 1 AS one INTO stray'],
    ['EXPLAIN ANALYZE of a DELETE', 'EXPLAIN ANALYZE DELETE FROM projects'],
    ['a DO block', `DO $$ BEGIN DELETE FROM projects; END $$`],
    [
      'a DO block that switches first',
      `DO $$ BEGIN SET LOCAL transaction_read_only = off; DELETE FROM projects; END $$`,
    ],
    ['a DO block that commits', `DO $$ BEGIN COMMIT; DELETE FROM projects; END $$`],
    ['set_config', `SELECT set_config('transaction_read_only', 'off', true)`],
    ['nextval', `SELECT nextval('projects_id_seq')`],
  ])('%s', async (_what, sql) => {
    const before = await names();
    const { failed } = await run(sql);
    expect(failed).toHaveLength(4);
    expect(await names()).toEqual(before);
    expect(await fleet.tables('acme')).toEqual(['pgmigrations', 'projects']);
  });

  it('what a statement leaves in the session does not reach the next tenant', async () => {
    const leave = `SELECT set_config('tenants.trace', current_schema(), false), pg_advisory_lock(4711), set_config('statement_timeout', '7s', false)`;
    const one = { concurrency: 1 };
    expect((await run(leave, {}, one)).failed).toEqual([]);
    const seen = await run(
      `SELECT current_setting('tenants.trace', true) AS before, current_setting('statement_timeout') AS timeout, set_config('tenants.trace', 'left', false) AS now,
              (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks, pg_advisory_lock(4712)`,
      {},
      one,
    );
    for (const row of seen.objects) {
      expect([null, '']).toContain(row['before']);
      expect(row['timeout']).toBe('0');
      expect(row['locks']).toBe(0);
    }
  });
});

describe('writing', () => {
  it('is committed tenant by tenant, and says what was done', async () => {
    const sql = `INSERT INTO projects (name) VALUES ('second')`;
    const { objects, failed } = await run(sql, { write: true });
    expect(failed).toEqual([]);
    expect(objects).toContainEqual({ tenant: HOSTILE, command: 'INSERT', affected: 1 });
    expect((await names()).filter((name) => name === 'second')).toHaveLength(4);
    const deleted = await run(`DELETE FROM projects WHERE name = 'second' RETURNING name`, { write: true });
    expect(deleted.objects).toHaveLength(4);
    expect(deleted.objects).toContainEqual({ tenant: 'acme', name: 'second' });
  });

  it('a tenant that fails is left as it was, and the others go on', async () => {
    await database.query('ALTER TABLE globex.projects ADD CONSTRAINT no_third CHECK (name <> $$third$$)');
    const { failed, objects } = await run(`INSERT INTO projects (name) VALUES ('third')`, { write: true });
    expect(failed).toEqual([
      { tenant: 'globex', error: expect.objectContaining({ sqlstate: '23514', tenant: 'globex' }) as object },
    ]);
    expect(objects).toHaveLength(3);
    await run(`DELETE FROM projects WHERE name = 'third'`, { write: true });
  });

  it('a deferred constraint that fails at the end is a failure', async () => {
    await database.query(
      'CREATE TABLE acme.parents (id int PRIMARY KEY); CREATE TABLE acme.children (parent int REFERENCES acme.parents DEFERRABLE INITIALLY DEFERRED)',
    );
    const { failed, objects } = await run('INSERT INTO children VALUES (1)', { names: ['acme'], write: true });
    expect(failed).toMatchObject([{ tenant: 'acme', error: { sqlstate: '23503' } }]);
    expect(objects).toEqual([]);
    await database.query('DROP TABLE acme.children, acme.parents');
  });

  it('a table that only the shared schema has is not altered in its place', async () => {
    await database.query('CREATE TABLE public.elsewhere (id int)');
    const { failed } = await run('ALTER TABLE elsewhere ADD COLUMN stray text', { write: true });
    expect(failed).toHaveLength(4);
    expect(failed[0]?.error.message).toContain('elsewhere');
    const { rows } = await database.query(
      `SELECT attname FROM pg_attribute WHERE attrelid = 'public.elsewhere'::regclass AND attname = 'stray'`,
    );
    expect(rows).toEqual([]);
    await database.query('DROP TABLE public.elsewhere');
  });

  it.each(['DROP TABLE IF EXISTS public.elsewhere', 'CREATE SCHEMA elsewhere', 'ALTER ROLE postgres RESET ALL'])(
    'what is not of the tenant is refused: %s',
    async (sql) => {
      await expect(run(sql, { write: true })).rejects.toMatchObject({ code: 'USAGE', exitCode: 2 });
    },
  );
});

describe('tenants whose schema is not there', () => {
  it('fail, instead of being asked in the shared schema', async () => {
    await database.query(`INSERT INTO tenants (schema_name) VALUES ('ghost')`);
    await database.query('CREATE TABLE public.projects (id int, name text)');
    for (const write of [false, true]) {
      const { failed, objects } = await run('SELECT count(*) FROM projects', { names: ['ghost', 'acme'], write });
      expect(failed).toMatchObject([{ tenant: 'ghost', error: { code: 'TENANT_UNREADABLE' } }]);
      expect(objects).toEqual([{ tenant: 'acme', count: 1 }]);
    }
    await database.query(`DELETE FROM tenants WHERE schema_name = 'ghost'; DROP TABLE public.projects`);
  });

  it('and a schema that goes away in the middle is no success', async () => {
    await fleet.create('leaving');
    await database.query(`INSERT INTO leaving.projects (name) VALUES ('kept')`);
    const running = run('WITH gone AS (DELETE FROM projects RETURNING 1) SELECT count(*), pg_sleep(1.5) FROM gone', {
      names: ['leaving'],
      write: true,
    });
    await untilAsleep();
    await database.query('ALTER SCHEMA leaving RENAME TO left_for_good');
    const { failed } = await running;
    expect(failed).toMatchObject([{ tenant: 'leaving', error: { code: 'TENANT_MOVED' } }]);
    expect((await database.query('SELECT name FROM left_for_good.projects')).rows).toEqual([{ name: 'kept' }]);
    await database.query(`DROP SCHEMA left_for_good CASCADE; DELETE FROM tenants WHERE schema_name = 'leaving'`);
  });
});

describe('when the database fails', () => {
  it('a connection that breaks fails its tenant alone', async () => {
    const proxy = await openProxy(database);
    proxy.cut({ when: (frame) => frame.type === 'P' && frame.sql.includes('broken_here') });
    const { failed, objects } = await run('SELECT 1 AS broken_here', {}, { database: proxy.config, concurrency: 1 });
    await proxy.close();
    expect(failed).toHaveLength(1);
    expect(objects).toHaveLength(3);
  });

  it('one that breaks while a change is committed says that nobody knows', async () => {
    const proxy = await openProxy(database);
    proxy.cut({ when: (frame) => frame.type === 'P' && frame.sql === 'COMMIT', deliver: true });
    const { failed } = await run(
      `UPDATE projects SET name = name`,
      { write: true },
      { database: proxy.config, concurrency: 1 },
    );
    await proxy.close();
    expect(failed).toHaveLength(1);
    expect(failed[0]?.error).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringContaining('not known') as string,
    });
  });

  it('a database that is gone for good fails everybody left, soon', async () => {
    const proxy = await openProxy(database);
    const report = await run(
      'SELECT 1',
      { onRows: () => proxy.close() },
      { database: proxy.config, concurrency: 1, retries: 1 },
    );
    expect(report.failed).toHaveLength(3);
    expect(report.failed.at(-1)?.error.code).toBe('DATABASE_UNREACHABLE');
  });

  it('statementTimeout ends what takes too long', async () => {
    const { failed } = await run('SELECT pg_sleep(10)', { names: ['acme'] }, { statementTimeoutMs: 50 });
    expect(failed).toMatchObject([{ error: { sqlstate: '57014' } }]);
  });

  it('the first signal stops handing out, the second cancels what runs', async () => {
    const drain = new AbortController();
    const cancel = new AbortController();
    const started = performance.now();
    void untilAsleep().then(() => {
      drain.abort();
      setTimeout(() => cancel.abort(), 100);
    });
    const { failed, interrupted } = await run(
      'SELECT pg_sleep(20)',
      { drain: drain.signal, cancel: cancel.signal },
      { concurrency: 1 },
    );
    expect(performance.now() - started).toBeLessThan(15_000);
    expect(interrupted).toBe(true);
    expect(failed.map(({ error }) => error.sqlstate ?? error.code)).toEqual([
      '57014',
      'INTERRUPTED',
      'INTERRUPTED',
      'INTERRUPTED',
    ]);
  });
});
