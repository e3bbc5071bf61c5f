import { chmod } from 'node:fs/promises';

import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { createProject, type TestProject } from '../support/project.js';
import { type CliOptions, runCli } from '../support/run-cli.js';
import { useCliProject } from './cli-project.js';

/** Says what a client of PostgreSQL was given, and does with its input what psql does with SQL: reads it to the end. */
const CLIENT = `#!/usr/bin/env node
const { text } = require('node:stream/consumers');
text(process.stdin).then((input) => {
  const { TENANT_SCHEMA, PGOPTIONS, PGDATABASE } = process.env;
  console.log(JSON.stringify({ args: process.argv.slice(2), input, TENANT_SCHEMA, PGOPTIONS, PGDATABASE }));
  process.exit(Number(process.argv[2] ?? 0));
});
`;

describe('db', () => {
  let project: TestProject;
  beforeAll(async () => {
    project = await createProject({ 'tenants.config.json': '{ "database": "embedded" }', client: CLIENT });
    await chmod(project.path('client'), 0o755);
  });
  afterEach(async () => {
    await run(['db', 'stop']);
  });
  afterAll(() => project.remove());
  const run = (args: string[], options: Partial<CliOptions> & { input?: string } = {}) =>
    runCli(args, { cwd: project.root, ...options });

  const connect = async (url: string): Promise<string> => {
    const client = new Client({ connectionString: url });
    try {
      await client.connect();
      return 'connected';
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    } finally {
      await client.end();
    }
  };

  it('url without a server names the command that starts one', async () => {
    const outcome = await run(['db', 'url']);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain('run: tenants db start');
  });

  it('keeps the server running for an application until it is stopped, on the same port each time', async () => {
    const started = await run(['db', 'start', '--json']);
    expect(started.json()).toMatchObject({ started: true, port: expect.any(Number) as number });
    const url = (await run(['db', 'url'])).stdout.trim();
    expect(await connect(url)).toBe('connected');
    expect(started.stdout + started.stderr).not.toContain(new URL(url).password);
    // Other commands join it and leave it running.
    expect((await run(['list', '--json'])).code).toBe(2);
    expect(await connect(url)).toBe('connected');
    const again = await run(['db', 'start']);
    expect(again.stdout).toMatch(/was already running .* keeps running[^]*\$\(tenants db url\)/);
    expect((await run(['db', 'stop'])).stdout).toContain('was stopped');
    expect(await connect(url)).toBe('ECONNREFUSED');
    const stopped = await run(['db', 'url']);
    expect(stopped.stdout.trim()).toBe(url);
    expect(stopped.stderr).toContain('not running');
    expect((await run(['db', 'stop', '--json'])).json()).toEqual({ wasRunning: false, inUse: 0 });
    await run(['db', 'start']);
    expect(await connect(url)).toBe('connected');
  });

  it('is not kept by a command that is no db start', async () => {
    await run(['migrate', '--shared']);
    const { running } = (await run(['db', 'url', '--json'])).json<{ running: boolean }>();
    expect(running).toBe(false);
  });

  it('psql runs a client on the database with its arguments and input, and starts the server for it', async () => {
    const outcome = await run(['db', 'psql', '--program', './client', '--', '0', '-c', 'x'], { input: 'SELECT 1;' });
    expect(outcome.code).toBe(0);
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      args: ['0', '-c', 'x'],
      input: 'SELECT 1;',
      PGDATABASE: 'tenants',
    });
  });

  it('psql says where psql comes from when there is none', async () => {
    const outcome = await run(['db', 'psql'], { env: { PATH: '/nowhere' } });
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toMatch(/psql is not on the PATH[^]*postgresql-client/);
  });

  it.each([[['db']], [['db', 'restart']], [['db', 'start', 'now']]])('refuses %j with exit code 2', async (args) => {
    expect((await run(args)).code).toBe(2);
  });

  it('is refused in production', async () => {
    const outcome = await run(['db', 'start', '--json'], { env: { NODE_ENV: 'production' } });
    expect(outcome.json()).toMatchObject({ error: { code: 'EMBEDDED_REFUSED' } });
  });
});

describe('shell', () => {
  const cli = useCliProject({ client: CLIENT });
  beforeAll(async () => {
    await chmod(cli.project.path('client'), 0o755);
    expect((await cli.run(['migrate', '--shared'])).code).toBe(0);
    for (const name of ['acme', 'acre']) expect((await cli.run(['create-tenant', name])).code).toBe(0);
  });
  const shell = (...args: string[]) => cli.run(['shell', ...args], { input: 'SELECT 1;' });

  it('gives a client the search path of the tenant, its arguments, and standard input', async () => {
    const outcome = await shell('acme', '--program', './client', '--', '0', '--json', '--program');
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(outcome.stdout)).toEqual({
      args: ['0', '--json', '--program'],
      input: 'SELECT 1;',
      TENANT_SCHEMA: 'acme',
      PGOPTIONS: '-c search_path="acme","public"',
      PGDATABASE: cli.database.name,
    });
  });

  it('prints one document with --json, and the output of the client to stderr', async () => {
    const outcome = await shell('acme', '--json', '--program', './client', '--', '3');
    expect(outcome.code).toBe(1);
    expect(outcome.json()).toEqual({ tenant: 'acme', exitCode: 3 });
    expect(outcome.stderr).toContain('"TENANT_SCHEMA":"acme"');
  });

  it.each([
    ['an unknown tenant', ['acne'], 'UNKNOWN_TENANT'],
    ['the shared schema', ['public'], 'USAGE'],
    ['a pattern that means two', ['ac*'], 'USAGE'],
    ['a client that is not there', ['acme', '--program', 'no-such-client'], 'COMMAND_NOT_FOUND'],
    ['no name', [], 'USAGE'],
  ])('refuses %s with exit code 2', async (_, args, code) => {
    const outcome = await shell(...args, '--json');
    expect(outcome.code).toBe(2);
    expect(outcome.json()).toMatchObject({ error: { code } });
  });

  it('exits with 5 where the database does not answer', async () => {
    const env = { DATABASE_URL: 'postgres://u:s3cret@127.0.0.1:1/x' };
    const outcome = await cli.run(['shell', 'acme', '--program', './client'], { env });
    expect(outcome.code).toBe(5);
    expect(outcome.stderr).not.toContain('s3cret');
  });

  it('leaves Ctrl-C to the client and passes on what would end both', async () => {
    await cli.project.write(
      'patient',
      `#!/usr/bin/env node
process.on('SIGINT', () => console.log('interrupted'));
process.on('SIGTERM', () => process.exit(9));
console.log('ready');
setInterval(() => {}, 1000);
`,
    );
    await chmod(cli.project.path('patient'), 0o755);
    const running = cli.spawn(['shell', 'acme', '--json', '--program', './patient']);
    await running.until(/ready/);
    running.child.kill('SIGINT');
    running.child.kill('SIGTERM');
    expect((await running.outcome).json()).toEqual({ tenant: 'acme', exitCode: 9 });
  });
});
