import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

import { beforeAll, describe, expect, it } from 'vitest';

import { useCliProject } from './cli-project.js';

const SLOW = '-- Up Migration\nSELECT pg_sleep(1.5);\nCREATE TABLE slow (id int);\n';
const ENDLESS = '-- Up Migration\nSELECT pg_sleep(60);\n';

/** Four tenants of which one lane has one at a time. */
async function prepare(cli: ReturnType<typeof useCliProject>, migration: string): Promise<void> {
  expect((await cli.run(['migrate'])).code).toBe(0);
  for (const name of ['a', 'b', 'c', 'd']) expect((await cli.run(['create-tenant', name])).code).toBe(0);
  await cli.project.write('migrations/tenant/0002_slow.sql', migration);
}

/** The server sleeps in a tenant's migration. */
async function asleep(cli: ReturnType<typeof useCliProject>): Promise<void> {
  for (;;) {
    const { rows } = await cli.database.query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`,
    );
    if (rows.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('the first signal', () => {
  const cli = useCliProject();
  beforeAll(() => prepare(cli, SLOW));

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 143],
  ] as const)('%s lets the running tenant finish, reports, and exits with %i', async (signal, code) => {
    const running = cli.spawn(['migrate', '--concurrency', '1', '--json']);
    await asleep(cli);
    running.child.kill(signal);
    await running.until(/Finishing running work/);
    const outcome = await running.outcome;
    expect(outcome).toMatchObject({ code, signal: null });
    const document = outcome.json<{ exitCode: number; tenants: Record<string, number>; results: unknown[] }>();
    expect(document.exitCode).toBe(code);
    expect(document.tenants['applied']).toBe(1);
    expect(document.results).toContainEqual(expect.objectContaining({ status: 'notExecuted', reason: 'interrupted' }));
  });

  it('is only one, however often the shells in between repeat it', async () => {
    const running = cli.spawn(['migrate', '--concurrency', '1']);
    await asleep(cli);
    running.child.kill('SIGINT');
    await running.until(/Finishing running work/);
    running.child.kill('SIGINT');
    const outcome = await running.outcome;
    expect(outcome.code).toBe(130);
    expect(outcome.stderr).not.toMatch(/Canceling/);
    expect(outcome.stdout).toMatch(/1 migrated/);
  });

  it('loses nothing: the same command finishes the work', async () => {
    const { rows } = await cli.database.query(`SELECT 1 FROM pg_tables WHERE tablename = 'slow'`);
    expect(rows).toHaveLength(4);
    expect((await cli.run(['migrate', '--json'])).json()).toMatchObject({ exitCode: 0, tenants: { upToDate: 4 } });
  });
});

describe('the later signals', () => {
  const cli = useCliProject();
  beforeAll(() => prepare(cli, ENDLESS));
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 200));

  it('cancel and roll back what runs', async () => {
    const running = cli.spawn(['migrate', '--concurrency', '1', '--json']);
    await asleep(cli);
    running.child.kill('SIGINT');
    await pause();
    running.child.kill('SIGINT');
    const outcome = await running.outcome;
    expect(outcome).toMatchObject({ code: 130, signal: null });
    expect(outcome.json()).toMatchObject({ exitCode: 130, tenants: { applied: 0 } });
    expect((await cli.run(['status', '--json'])).json()).toMatchObject({ tenants: { pending: 4 } });
  });

  it('end the program at once when there is a third', async () => {
    // A server that takes connections and never answers: nothing can be finished, nothing canceled.
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const connected = once(server, 'connection');
    const running = cli.spawn(['migrate'], { env: { DATABASE_URL: `postgres://u@127.0.0.1:${port}/x` } });
    await connected;
    for (const answer of [/Finishing running work/, /press Ctrl-C once more/]) {
      running.child.kill('SIGTERM');
      await running.until(answer);
      await pause();
    }
    expect(running.child.exitCode).toBeNull();
    const before = performance.now();
    running.child.kill('SIGINT');
    expect(await running.outcome).toMatchObject({ code: 143, signal: null });
    // Connecting is given up after ten seconds by itself.
    expect(performance.now() - before).toBeLessThan(5_000);
    for (const socket of sockets) socket.destroy();
    server.close();
  });
});
