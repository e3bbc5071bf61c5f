import { createServer } from 'node:net';

import { describe, expect, it } from 'vitest';

import { useCliProject } from './cli-project.js';

const SECRET = 's3cr3t-pässword';

describe('wrong usage', () => {
  const cli = useCliProject();
  const { call: run } = cli;

  const mistakes: [string, string[], RegExp][] = [
    ['an unknown command', ['migrat'], /no command "migrat"[^]*^Did you mean "migrate"\?$/m],
    ['an unknown flag', ['migrate', '--tennant', 'a'], /flag --tennant[^]*Did you mean "--tenant"\?/],
    ['an argument too many', ['list', 'x'], /Too many arguments: x/],
    ['an argument too few', ['create-tenant'], /Missing: NAME/],
    ['a flag without its value', ['migrate', '--to'], /--to expects a value/],
    ['a flag given twice', ['migrate', '--to', 'a', '--to', 'b'], /--to can only be specified once/],
    ['a setting of the wrong kind', ['migrate', '--concurrency', 'many'], /--concurrency: expected a whole number/],
    ['a duration that is none', ['migrate', '--lock-wait', 'soon'], /--lock-wait/],
    ['an executor that is not there', ['migrate', '--executor', 'nothing'], /nothing/],
    ['contrary flags', ['migrate', '--fail-fast', '--max-failures', '2'], /cannot be combined/],
    ['the shared schema and tenants', ['migrate', '--shared', '--tenant', 'a'], /shared schema alone/],
    ['a target for everything', ['migrate', '--count', '1'], /apply to one kind of schema/],
    ['an empty list', ['status', '--tenant', ''], /--tenant is empty/],
    ['a pair without a value', ['create-tenant', 'a', '--set', 'plan'], /column=value/],
    ['a configuration that is not there', ['list', '--config', 'nowhere.ts'], /nowhere\.ts/],
    ['a database that is none', ['list', '--database', 'mysql://x'], /--database/],
    ['a misspelled flag and no command', ['--versoin'], /Unknown flag --versoin[^]*Did you mean "--version"/],
    ['a program without --', ['exec', 'echo', 'hi'], /Too many arguments[^]*follow --: tenants exec -- echo hi$/m],
    ['a flag of a program without --', ['exec', '-x'], /Unknown flag -x|Nonexistent flag[^]*follow --:/],
    ['no command at all in a script', ['--verbose', '--json'], /No command/],
  ];

  it.each(mistakes)('exits with 2 and says so: %s', async (_, args, message) => {
    const outcome = await run(args);
    expect(outcome.code).toBe(2);
    const said = args.includes('--json') ? outcome.stdout : outcome.stderr;
    expect(said).toMatch(message);
    if (!args.includes('--json')) expect(outcome.stdout).toBe('');
    expect(outcome.stderr).not.toMatch(/^\s+at /m);
  });

  it.each(mistakes)('is one document with --json: %s', async (_, args) => {
    const outcome = await run([...args.filter((word) => word !== '--json'), '--json']);
    expect(outcome.code).toBe(2);
    const { error } = outcome.json<{ error: Record<string, unknown> }>();
    expect(error).toMatchObject({ code: expect.any(String) as string, message: expect.any(String) as string });
    expect(error['suggestions']).toBeInstanceOf(Array);
    expect(error).not.toHaveProperty('stack');
    expect(outcome.stderr).toBe('');
  });

  it('takes global flags before the command as well', async () => {
    const outcome = await run(['--json', '--database', 'postgres://u@localhost:1/x', 'status']);
    expect(outcome.code).toBe(5);
    expect(outcome.json()).toMatchObject({ error: { code: 'DATABASE_UNREACHABLE' } });
  });

  it('reads an environment file when told to, and only then', async () => {
    await cli.project.write('app.env', 'DATABASE_URL=postgres://u@localhost:1/x\n');
    const env = { DATABASE_URL: undefined };
    expect((await run(['list', '--env-file', 'app.env'], { env })).code).toBe(5);
    expect((await run(['list'], { env })).stderr).toMatch(/No database is configured/);
  });

  it('shows the stack when asked to', async () => {
    const outcome = await run(['list', '--config', 'nowhere.ts', '--verbose']);
    expect(outcome.stderr).toMatch(/^\s+at /m);
  });
});

describe('an error that nobody awaited', () => {
  const cli = useCliProject({
    'later.config.mjs': `setTimeout(() => { throw new Error('cannot reach postgres://app:${SECRET}@h/x'); });\nexport default {};\n`,
  });

  it('is one document as well, without a password', async () => {
    const outcome = await cli.run(['status', '--config', 'later.config.mjs', '--json']);
    expect(outcome.code).toBe(1);
    expect(outcome.json()).toMatchObject({ error: { code: 'UNEXPECTED' } });
    expect(outcome.stdout + outcome.stderr).not.toMatch(/s3cr3t/);
  });

  it('is a message without a stack', async () => {
    const outcome = await cli.run(['status', '--config', 'later.config.mjs']);
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/^Error: cannot reach/);
    expect(outcome.stderr).not.toMatch(/s3cr3t|^\s+at /m);
  });
});

describe('a database that fails', () => {
  const cli = useCliProject();
  const { call: run } = cli;
  const commands = [['migrate'], ['plan'], ['status'], ['list'], ['create-tenant', 'acme', 'acme.test']];

  it.each(commands)('exits with 5 where nobody listens, without the password: %s', async (...args) => {
    const env = { DATABASE_URL: `postgres://app:${encodeURIComponent(SECRET)}@127.0.0.1:1/app` };
    for (const more of [[], ['--verbose'], ['--json']]) {
      const outcome = await run([...args, ...more], { env });
      expect(outcome.code).toBe(5);
      expect(outcome.stdout + outcome.stderr).toContain('127.0.0.1:1');
      expect(outcome.stdout + outcome.stderr).not.toMatch(/s3cr3t/);
    }
  });

  it.each(commands)('exits with 5 when it refuses the user: %s', async (...args) => {
    const url = new URL(cli.database.url);
    url.username = 'nobody_at_all';
    url.password = SECRET;
    const outcome = await run([...args, '--database', url.href, '--json'], { env: { DATABASE_URL: undefined } });
    expect(outcome.code).toBe(5);
    expect(outcome.json()).toMatchObject({ error: { code: 'DATABASE_REFUSED' } });
    expect(outcome.stdout + outcome.stderr).not.toMatch(/s3cr3t/);
  });

  it('says which setting is wrong without repeating it', async () => {
    const outcome = await run(['list', '--verbose'], { env: { DATABASE_URL: `postgres://app:${SECRET}%@h/x` } });
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain('DATABASE_URL');
    expect(outcome.stderr).not.toMatch(/s3cr3t/);
  });

  it.each([
    [undefined, /DATABASE_URL is not set\./],
    ['', /DATABASE_URL is empty\./],
  ])('says both ways out when there is none: DATABASE_URL=%s', async (url, reason) => {
    const outcome = await run(['list'], { env: { DATABASE_URL: url } });
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toMatch(reason);
    expect(outcome.stderr).not.toContain('tenants init');
    expect(outcome.stderr).toMatch(/DATABASE_URL/);
    expect(outcome.stderr).toMatch(/--database embedded/);
  });

  it('ends with the signal where it never answers', async () => {
    const sockets: { destroy(): void }[] = [];
    const server = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const connected = new Promise((resolve) => server.once('connection', resolve));
    const running = cli.spawn(['status', '--json'], { env: { DATABASE_URL: `postgres://u@127.0.0.1:${port}/x` } });
    await connected;
    running.child.kill('SIGTERM');
    const outcome = await running.outcome;
    expect(outcome).toMatchObject({ code: 143, signal: null });
    expect(outcome.json()).toMatchObject({ error: { code: 'INTERRUPTED' } });
    for (const socket of sockets) socket.destroy();
    server.close();
  });
});
