import type { ClientConfig } from 'pg';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Project } from '../../src/project/project.js';
import { createPopulatedFleet, execute, liveWholeLife, READING, snapshot, WRITING } from '../support/every-command.js';
import { useFleet } from '../support/fleet.js';
import { hasPgBouncer, type PgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { runCli } from '../support/run-cli.js';

if (!hasPgBouncer) console.warn('PgBouncer is not installed (apt-get install pgbouncer): its tests are SKIPPED.');

const REFUSED = {
  code: 'UNSAFE_POOLER',
  exitCode: 5,
  message: expect.stringContaining('connection pooler between us and the server') as string,
  suggestions: ['Connect to the server itself, or to a pool in session mode, for migrations.'],
};

describe.skipIf(!hasPgBouncer)('behind PgBouncer', () => {
  const fleet = useFleet({ each: true });
  const { database } = fleet;
  let bouncer: PgBouncer | undefined;

  afterEach(async () => {
    await bouncer?.stop();
    bouncer = undefined;
  });

  const start = async (options: Parameters<typeof startPgBouncer>[1]): Promise<Partial<Project>> => {
    bouncer = await startPgBouncer(database.config, options);
    return { database: bouncer.config };
  };

  /** What reads in a transaction, or in a session of its own. */
  const NEEDS_TRANSACTIONS = /^(?:query|drift|shell)/;

  describe('in transaction mode', () => {
    beforeEach(() => createPopulatedFleet(fleet));

    it('what writes is refused, and leaves nothing behind, not even in the sessions of the pool', async () => {
      const before = await snapshot(database);
      const through = await fleet.project(await start({ size: 3 }));
      for (const [name, run] of WRITING) await expect(run(through), name).rejects.toMatchObject(REFUSED);
      await expect(execute(through, 'true')).rejects.toMatchObject(REFUSED);
      expect(await snapshot(database)).toEqual(before);
      await assertUntouched(through.database, 3);
    });

    it('what reads answers as it does without the pooler, and sets nothing that others would find', async () => {
      const direct = await fleet.project();
      const through = await fleet.project(await start({ size: 3 }));
      for (const [name, run] of READING) {
        if (name === 'shell') await expect(run(through), name).rejects.toMatchObject(REFUSED);
        else expect(withoutTimes(await run(through)), name).toEqual(withoutTimes(await run(direct)));
      }
      await assertUntouched(through.database, 3);
    });

    it('a pool of one connection is told at once, and one that lends its connections in turn, too', async () => {
      const before = await snapshot(database);
      for (const options of [{ size: 1 }, { size: 4, settings: ['server_round_robin = 1'] }]) {
        const through = await fleet.project(await start(options));
        await spreadOut(through.database, options.size);
        const started = performance.now();
        for (const [name, run] of WRITING) await expect(run(through), name).rejects.toMatchObject(REFUSED);
        expect(performance.now() - started).toBeLessThan(4000);
        await bouncer?.stop();
      }
      bouncer = undefined;
      expect(await snapshot(database)).toEqual(before);
    });

    it('also while the application keeps it busy', async () => {
      const through = await fleet.project(await start({ size: 3 }));
      const stop = new AbortController();
      const applications = Array.from({ length: 6 }, async () => {
        const client = await connect(through.database);
        while (!stop.signal.aborted) await client.query('SELECT pg_sleep(random() / 200)');
        await client.end();
      });
      for (const [name, run] of WRITING) await expect(run(through), name).rejects.toMatchObject(REFUSED);
      stop.abort();
      await Promise.all(applications);
    });

    it('on the command line, as one JSON document or a sentence', async () => {
      await start({ size: 3 });
      const env = { DATABASE_URL: bouncer?.url };
      const run = (...args: string[]) => runCli(args, { cwd: fleet.files.root, env });
      for (const args of [['migrate'], ['create-tenant', 'x'], ['exec', '--', 'true']]) {
        const outcome = await run(...(args[0] === 'exec' ? ['exec', '--json', '--', 'true'] : [...args, '--json']));
        expect(outcome.code).toBe(5);
        expect(outcome.json()).toEqual({
          error: expect.objectContaining({
            code: REFUSED.code,
            message: REFUSED.message,
            suggestions: REFUSED.suggestions,
          }) as unknown,
        });
      }
      const said = await run('migrate');
      expect(said.code).toBe(5);
      expect(said.stdout).toBe('');
      expect(said.stderr).toContain('connection pooler between us and the server');
      expect(said.stderr).toContain('Connect to the server itself');
      const status = await run('status', '--json');
      expect(status.code).toBe(0);
      expect(status.json()).toMatchObject({ tenants: { total: 2, pending: 2 } });
    });
  });

  it('in statement mode everything is refused that needs a transaction', async () => {
    await createPopulatedFleet(fleet);
    const before = await snapshot(database);
    const direct = await fleet.project();
    const through = await fleet.project(await start({ size: 3, mode: 'statement' }));
    for (const [name, run] of WRITING) await expect(run(through), name).rejects.toMatchObject(REFUSED);
    for (const [name, run] of READING) {
      if (NEEDS_TRANSACTIONS.test(name)) {
        await expect(run(through), name).rejects.toMatchObject({ code: 'UNSAFE_POOLER', exitCode: 5 });
      } else expect(withoutTimes(await run(through)), name).toEqual(withoutTimes(await run(direct)));
    }
    expect(await snapshot(database)).toEqual(before);
  });

  describe('in session mode', () => {
    it('the whole life works, also with fewer connections than lanes', async () => {
      // Without a pooler `exec` has nothing to refuse; PgBouncer 1.18 cannot pass on what it asks for.
      const through = await start({ size: 4, mode: 'session' });
      const own = { database: database.config };
      await liveWholeLife(fleet, through, own);
    });

    it.each([
      ['ignores', ['ignore_startup_parameters = extra_float_digits,options']],
      ['refuses', ['ignore_startup_parameters = extra_float_digits']],
    ])('exec is refused when the pooler %s the search path that programs are given', async (_how, settings) => {
      await createPopulatedFleet(fleet);
      const through = await fleet.project(await start({ size: 4, mode: 'session', settings }));
      await expect(execute(through, 'true')).rejects.toMatchObject({
        code: 'UNSAFE_POOLER',
        exitCode: 5,
        message: expect.stringContaining('would work in the wrong schema') as string,
      });
    });

    it('a pool that has no second connection is told so within seconds', async () => {
      await createPopulatedFleet(fleet);
      const through = await fleet.project(await start({ size: 1, mode: 'session' }));
      const [, migrate] = WRITING[0] ?? [];
      const started = performance.now();
      await expect(migrate?.(through)).rejects.toMatchObject({
        code: 'DATABASE_REFUSED',
        exitCode: 5,
        message: expect.stringContaining('no second connection') as string,
      });
      expect(performance.now() - started).toBeLessThan(9000);
    });

    it('a statement is canceled that runs when a run is given up', async () => {
      await createPopulatedFleet(fleet);
      await fleet.tenantMigration('0003_slow.sql', 'SELECT pg_sleep(20);');
      const through = await start({ size: 8, mode: 'session' });
      const cancel = new AbortController();
      const started = performance.now();
      const report = await fleet.migrate(
        {
          cancel: cancel.signal,
          onEvent: ({ type }) => type === 'tenant:start' && setTimeout(() => cancel.abort(), 700),
        },
        { ...through, canary: 0 },
      );
      expect(performance.now() - started).toBeLessThan(12_000);
      expect(report.tenants).toMatchObject({ applied: 0, notExecuted: 2 });
    });
  });
});

/** Looks at every connection that the pool has: they are lent one transaction each. */
async function assertUntouched(config: ClientConfig, size: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: size }, () => connect(config)));
  for (const client of clients) await client.query('BEGIN');
  const found = await Promise.all(
    clients.map((client) =>
      client.query(`SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement,
                           current_setting('search_path') AS path, current_setting('default_transaction_read_only') AS read_only,
                           (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks,
                           (SELECT count(*)::int FROM pg_prepared_statements) AS prepared`),
    ),
  );
  for (const client of clients) await client.query('ROLLBACK');
  await Promise.all(clients.map((client) => client.end()));
  const untouched = { lock: '0', statement: '0', path: '"$user", public', read_only: 'off', locks: 0, prepared: 0 };
  expect(found.map(({ rows }) => rows[0] as unknown)).toEqual(Array.from({ length: size }, () => untouched));
}

/** Lets the pool open all its connections. */
async function spreadOut(config: ClientConfig, size: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: size }, () => connect(config)));
  for (const client of clients) await client.query('BEGIN');
  for (const client of clients) await client.query('ROLLBACK');
  await Promise.all(clients.map((client) => client.end()));
}

async function connect(config: ClientConfig): Promise<Client> {
  const client = new Client(config);
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

function withoutTimes(report: unknown): unknown {
  return JSON.parse(JSON.stringify(report, (key, value: unknown) => (key === 'durationMs' ? undefined : value)));
}
