import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { parseDatabase } from '../../src/config/database/database.js';
import { chooseServer } from '../../src/db/choose-server.js';
import { withClient } from '../../src/db/connect.js';
import { type DebianPostgres, findPostgres, startPostgres } from '../support/debian-postgres.js';
import { freePort } from '../support/free-port.js';
import { callCli } from '../support/run-cli.js';

const bin = findPostgres();

describe.skipIf(bin === undefined)('a database setting that leaves the server open', () => {
  let primary: DebianPostgres;
  let standby: DebianPostgres;
  let nobody: number;

  beforeAll(async () => {
    primary = await startPostgres(bin ?? '', { wal_level: 'replica' });
    standby = await primary.startStandby();
    nobody = await freePort();
  });
  afterAll(async () => {
    await standby?.stop();
    await primary?.stop();
  });

  const url = (ports: (number | undefined)[], query = ''): string =>
    `postgres://admin@${ports.map((port) => `127.0.0.1:${port}`).join(',')}/postgres?${query}`;
  const choose = (ports: (number | undefined)[], query = '') => chooseServer(parseDatabase(url(ports, query), {}));

  it('gets the first server that answers', async () => {
    const { port } = primary.config;
    expect(await choose([nobody, port, standby.config.port])).toMatchObject({ port });
    expect(await choose([nobody, port])).not.toHaveProperty('choices');
  });

  it.each(['read-write', 'primary'])('gets the primary with target_session_attrs=%s', async (wanted) => {
    const ports = [standby.config.port, nobody, primary.config.port];
    expect(await choose(ports, `target_session_attrs=${wanted}`)).toMatchObject({ port: primary.config.port });
  });

  it.each(['standby', 'read-only', 'prefer-standby'])(
    'gets the standby with target_session_attrs=%s',
    async (wanted) => {
      const ports = [primary.config.port, standby.config.port];
      expect(await choose(ports, `target_session_attrs=${wanted}`)).toMatchObject({ port: standby.config.port });
    },
  );

  it('gets the primary where a standby is preferred and there is none', async () => {
    const query = 'target_session_attrs=prefer-standby';
    expect(await choose([nobody, primary.config.port], query)).toMatchObject({ port: primary.config.port });
  });

  it('is told of each server when none fits', async () => {
    await expect(choose([nobody, standby.config.port], 'target_session_attrs=read-write')).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      exitCode: 5,
      details: {
        problems: [expect.stringContaining(`:${nobody}`), expect.stringMatching(/is a standby; .*read-write/)],
      },
    });
    await expect(choose([standby.config.port], 'target_session_attrs=read-write')).rejects.toMatchObject({
      code: 'DATABASE_REFUSED',
      message: expect.stringContaining('is a standby'),
    });
  });

  it('is asked for a login once: the next host would be asked with the same password', async () => {
    const ports = [primary.config.port, nobody].map((port) => `127.0.0.1:${port}`).join(',');
    const database = parseDatabase(`postgres://stranger@${ports}/postgres`, {});
    await expect(chooseServer(database)).rejects.toMatchObject({ code: 'DATABASE_REFUSED' });
  });

  it('connects without TLS where sslmode=prefer finds none, and with allow at once', async () => {
    for (const mode of ['prefer', 'allow']) {
      const database = await choose([primary.config.port], `sslmode=${mode}`);
      expect(database).toMatchObject({ ssl: false });
      const { rows } = await withClient(database, 'test', (client) => client.query('SELECT 1 AS one'));
      expect(rows).toEqual([{ one: 1 }]);
    }
  });

  it('reports the refused login rather than the missing TLS', async () => {
    const database = parseDatabase(`postgres://stranger@127.0.0.1:${primary.config.port}/postgres?sslmode=prefer`, {});
    await expect(chooseServer(database)).rejects.toMatchObject({ code: 'DATABASE_REFUSED', message: /stranger/ });
  });

  it('works from the command line', async () => {
    const args = [
      'doctor',
      '--json',
      '--database',
      url([standby.config.port, primary.config.port], 'target_session_attrs=primary'),
    ];
    const { code, stdout } = await callCli(args, { cwd: '/' });
    expect([code, JSON.parse(stdout)]).toEqual([
      2,
      { error: expect.objectContaining({ code: expect.not.stringMatching('DATABASE') as string }) as unknown },
    ]);
  });
});

describe.skipIf(bin === undefined)('a server that accepts encrypted connections only', () => {
  it('leads to the advice to use TLS, not to check the password', async () => {
    const server = await startPostgres(bin ?? '');
    try {
      await writeFile(join(server.data, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 trust\nlocal all all trust\n');
      await withClient({ ...server.config, host: server.data }, 'test', (client) =>
        client.query('SELECT pg_reload_conf()'),
      );
      await expect
        .poll(() => withClient(server.config, 'test', async () => 'connected').catch((error: unknown) => error), {
          timeout: 60_000,
        })
        .toMatchObject({
          code: 'DATABASE_REFUSED',
          exitCode: 5,
          message: expect.stringContaining('accepts encrypted connections only'),
          suggestions: [expect.stringContaining('sslmode=require')],
        });
    } finally {
      await server.stop();
    }
  });
});

describe.skipIf(bin === undefined)('a database that is starting', () => {
  it('is waited for with connectWait, and named once', async () => {
    const server = await startPostgres(bin ?? '');
    const database = parseDatabase(`postgres://admin@127.0.0.1:${server.config.port}/later`, {});
    const said: string[] = [];
    try {
      const chosen = await chooseServer(database, {
        waitMs: 60_000,
        onWait: ({ message }) => {
          said.push(message);
          void withClient(server.config, 'test', (client) => client.query('CREATE DATABASE later'));
        },
      });
      expect(chosen).toMatchObject({ database: 'later' });
      expect(said).toEqual([expect.stringContaining('no such database')]);
    } finally {
      await server.stop();
    }
  });

  it('is given up after that time, at once for a refused login, and after a signal', async () => {
    const nobody = parseDatabase(`postgres://u@127.0.0.1:${await freePort()}/d`, {});
    await expect(chooseServer(nobody, { waitMs: 300 })).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' });
    const left = new AbortController();
    const waiting = chooseServer(nobody, { waitMs: 600_000, signal: left.signal, onWait: () => left.abort() });
    await expect(waiting).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('is waited for by a command, which says so on stderr and keeps the document whole', async () => {
    const args = [
      'list',
      '--connect-wait',
      '300ms',
      '--json',
      '--database',
      `postgres://u:s3cret@127.0.0.1:${await freePort()}/d`,
    ];
    const outcome = await callCli(args, { cwd: '/' });
    expect(outcome.code).toBe(5);
    expect(outcome.json()).toMatchObject({ error: { code: 'DATABASE_UNREACHABLE' } });
    expect(outcome.stderr).toMatch(/^Waiting for the database\. Cannot connect to the database at 127\.0\.0\.1:/);
    expect(outcome.stdout + outcome.stderr).not.toContain('s3cret');
  });
});
