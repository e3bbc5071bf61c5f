import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { REPOSITORY } from '../support/build.js';
import { useCliProject } from './cli-project.js';

const BIN = join(REPOSITORY, 'bin', 'run.js');

/** `script` gives a program a terminal, on Linux at least. */
describe.runIf(existsSync('/usr/bin/script') && process.platform === 'linux')('on a terminal', () => {
  const cli = useCliProject();

  beforeAll(async () => {
    expect((await cli.run(['migrate'])).code).toBe(0);
  });

  /** Types each answer when its question has come. */
  async function onTerminal(args: string, answers: [question: RegExp, answer: string][] = []) {
    const child = spawn('script', ['-qec', `"${process.execPath}" "${BIN}" ${args}`, '/dev/null'], {
      cwd: cli.project.root,
      env: { PATH: process.env['PATH'], TERM: 'dumb', DATABASE_URL: cli.database.url },
    });
    let output = '';
    const left = [...answers];
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (left[0]?.[0].test(output) !== true) return;
      output = '';
      child.stdin.write(left.shift()?.[1] ?? '');
    });
    const [code] = (await once(child, 'close')) as [number];
    return { code, output, unasked: left.length };
  }

  const tenants = async () => {
    const { tenants: all } = (await cli.run(['list', '--json'])).json<{ tenants: { schema: string }[] }>();
    return all.map(({ schema }) => schema);
  };

  it('missing arguments are asked for, one by one', async () => {
    const created = await onTerminal('create-tenant --label "A tenant"', [[/NAME .*: $/, 'asked\r']]);
    expect(created).toMatchObject({ code: 0, unasked: 0 });
    const renamed = await onTerminal('rename-tenant', [
      [/OLD .*: $/, 'asked\r'],
      [/NEW .*: $/, 'answered\r'],
    ]);
    expect(renamed).toMatchObject({ code: 0, unasked: 0 });
    expect(await tenants()).toEqual(['answered']);
    const deleted = await onTerminal('delete-tenant', [
      [/NAME .*: $/, 'answered\r'],
      [/Type answered to continue: $/, 'answered\r'],
    ]);
    expect(deleted).toMatchObject({ code: 0, unasked: 0 });
    expect(await tenants()).toEqual([]);
  });

  it.each([
    ['no answer', '\r'],
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
    ['an answer that looks like a flag', '--if-not-exists\r'],
  ])('%s is no argument', async (_, answer) => {
    expect(await onTerminal('create-tenant', [[/NAME .*: $/, answer]])).toMatchObject({ code: 2, unasked: 0 });
    expect(await tenants()).toEqual([]);
  });

  it('nobody is asked where a document is wanted, or something else is wrong', async () => {
    for (const args of ['create-tenant --json', 'create-tenant --no-such-flag', 'create-tenant a b c']) {
      const { code, output } = await onTerminal(args);
      expect(code, args).toBe(2);
      expect(output, args).not.toMatch(/NAME \(/);
    }
  });
});
