import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { REPOSITORY } from '../support/build.js';
import { useCliProject } from './cli-project.js';

const BIN = join(REPOSITORY, 'bin', 'run.js');

describe('streams', () => {
  const cli = useCliProject();
  beforeAll(async () => {
    expect((await cli.run(['migrate'])).code).toBe(0);
    for (const name of ['a', 'b', 'c']) expect((await cli.run(['create-tenant', name])).code).toBe(0);
  });

  /** A shell line in which `tenants` is the command line. */
  async function shell(line: string): Promise<{ code: number; output: string }> {
    const script = `tenants() { "${process.execPath}" "${BIN}" "$@"; }\n${line}`;
    const child = spawn('bash', ['--norc', '-c', script], {
      cwd: cli.project.root,
      env: { PATH: process.env['PATH'], DATABASE_URL: cli.database.url },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    }
    const [code] = (await once(child, 'close')) as [number];
    return { code, output };
  }

  it('may close early without changing what is done or how it ends', async () => {
    await cli.project.write(
      'migrations/tenant/0002_more.sql',
      '-- Up Migration\nSELECT pg_sleep(0.3);\nCREATE TABLE more (id int);\n',
    );
    const { output, code } = await shell('tenants migrate --verbose 2>&1 | true; exit ${PIPESTATUS[0]}');
    expect({ output, code }).toEqual({ output: '', code: 0 });
    expect((await cli.run(['status', '--check'])).code).toBe(0);
  });

  it.each(['list | head -0', 'list --json | head -0', 'plan --json 2>&1 | true', '--help | true'])(
    'break without a word: %s',
    async (line) => {
      const { output, code } = await shell(`tenants ${line}; exit \${PIPESTATUS[0]}`);
      expect({ output, code }).toEqual({ output: '', code: 0 });
    },
  );

  it('keep the exit code of a failure when they break', async () => {
    expect((await shell('tenants list x 2>&1 | true; exit ${PIPESTATUS[0]}')).code).toBe(2);
  });

  it('keep what migrations print away from the result', async () => {
    await cli.project.write(
      'migrations/tenant/0003_talkative.js',
      `console.log('loaded');
       export const up = (pgm) => {
         console.log('built');
         process.stdout.write('raw\\n');
         pgm.createTable('talkative', { id: 'id' });
       };`,
    );
    for (const executor of ['standard', 'multiprocessing']) {
      const { code, stdout, stderr, json } = await cli.run(['migrate', '--json', '--executor', executor]);
      expect({ code, lines: stdout.trim().split('\n').length }).toEqual({ code: 0, lines: 1 });
      expect(json()).toMatchObject({ command: 'migrate', exitCode: 0 });
      expect(stderr).toContain('loaded\nbuilt\nraw\n');
      expect((await cli.run(['rollback', '--count', '1', '--tenants-only', '--confirm', 'all'])).code).toBe(0);
    }
    const plan = await cli.run(['plan', '--json']);
    expect(plan.json()).toMatchObject({ tenants: { pending: 3 } });
    await rm(cli.project.path('migrations/tenant/0003_talkative.js'));
  });

  it.runIf(existsSync('/dev/full'))('that lose the result are a failure', async () => {
    const { code, output } = await shell('tenants list --json > /dev/full');
    expect(code).toBe(1);
    expect(output).toMatch(/could not be written/);
  });

  it('carry no colors and no progress where there is no terminal', async () => {
    const outcome = await cli.run(['migrate'], { env: { NO_COLOR: undefined, FORCE_COLOR: undefined } });
    // oxlint-disable-next-line no-control-regex
    expect(outcome.stdout + outcome.stderr).not.toMatch(/\u001B/);
  });

  it('carry colors in a pipe with FORCE_COLOR', async () => {
    const colored = await cli.run(['doctor'], { env: { NO_COLOR: undefined, FORCE_COLOR: '1' } });
    // oxlint-disable-next-line no-control-regex
    expect(colored.stdout).toMatch(/\u001B\[/);
    const plain = await cli.run(['doctor'], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } });
    // oxlint-disable-next-line no-control-regex
    expect(plain.stdout).not.toMatch(/\u001B\[/);
  });

  it('keep results and messages apart', async () => {
    const outcome = await cli.run(['list']);
    expect(outcome.stderr).toBe('');
    expect(outcome.stdout).toMatch(/^SCHEMA/);
  });

  it('get warnings about the surroundings on stderr', async () => {
    const outcome = await cli.run(['list', '--json'], { env: { TENANTS_EXECUTR: 'x' } });
    expect(outcome.code).toBe(0);
    outcome.json();
    expect(outcome.stderr).toMatch(/Warning: .*TENANTS_EXECUTR.*TENANTS_EXECUTOR/);
  });
});

/** `script` gives a program a terminal, on Linux at least. */
describe.runIf(existsSync('/usr/bin/script') && process.platform === 'linux')('a terminal', () => {
  const cli = useCliProject();

  async function onTerminal(args: string, env: Record<string, string> = {}): Promise<string> {
    const child = spawn('script', ['-qec', `"${process.execPath}" "${BIN}" ${args}`, '/dev/null'], {
      cwd: cli.project.root,
      env: { PATH: process.env['PATH'], TERM: 'xterm-256color', DATABASE_URL: cli.database.url, ...env },
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await once(child, 'close');
    return output;
  }

  // oxlint-disable-next-line no-control-regex
  const COLOR = /\u001B\[3\d/;

  it('gets colors', async () => {
    expect(await onTerminal('status')).toMatch(COLOR);
  });

  it.each([
    ['--no-color', 'status --no-color', {}],
    ['NO_COLOR', 'status', { NO_COLOR: '1' }],
    ['a terminal without them', 'status', { TERM: 'dumb' }],
  ])('gets none with %s', async (_, args, env) => {
    const output = await onTerminal(args, env);
    expect(output).toMatch(/Shared schema/);
    expect(output).not.toMatch(COLOR);
  });
});
