import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { COMMANDS } from '../../src/commands/index.js';
import { REPOSITORY } from '../support/build.js';
import { callCli, runCli } from '../support/run-cli.js';

const options = { cwd: tmpdir() };
const commands = Object.keys(COMMANDS);

describe('help', () => {
  it('lists all commands in 80 columns', async () => {
    for (const args of [[], ['--help'], ['-h'], ['help']]) {
      const { code, stdout, stderr } = await callCli(args, options);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} +[A-Z]`, 'm'));
      const listed = stdout.split('\n').flatMap((line) => /^ {2}([a-z-]+) +[A-Z]/.exec(line)?.[1] ?? []);
      expect(listed.filter((name) => name !== 'tenants')).toEqual(commands);
      expect(widest(stdout)).toBeLessThanOrEqual(80);
    }
  });

  it.each(commands)(
    'of %s has a summary, examples, the global flags, exit codes and an address, in 80 columns',
    async (command) => {
      const { code, stdout, stderr } = await callCli([command, '--help'], options);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^[A-Z].*[.]\n/);
      for (const section of ['USAGE', 'GLOBAL FLAGS', 'DESCRIPTION', 'EXAMPLES', 'EXIT CODES', 'DOCUMENTATION']) {
        expect(stdout).toContain(`\n${section}\n`);
      }
      expect(stdout.match(/\$ tenants /g)?.length).toBeGreaterThanOrEqual(3);
      expect(stdout).not.toMatch(/\[default: /);
      // Words are compared, because lines are wrapped; the summary stands above and is not repeated.
      const words = stdout.replaceAll(/\s+/g, ' ');
      const { summary = '', description = '' } = COMMANDS[command] ?? {};
      expect(words).toContain(` DESCRIPTION ${description.replaceAll(/\s+/g, ' ')}`);
      expect(words.split(summary)).toHaveLength(2);
      expect(stdout).toMatch(/^ {2}130, 143 +Interrupted\.$/m);
      expect(stdout).toMatch(/^ {2}https:\/\/unpkg\.com\/pg-tenants@[\d.]+\/docs\/commands\.md$/m);
      expect(widest(stdout)).toBeLessThanOrEqual(80);
    },
  );

  it('is asked for in the other way round as well', async () => {
    const [one, other] = await Promise.all([callCli(['help', 'plan'], options), runCli(['plan', '-h'], options)]);
    expect(one.stdout).toBe(other.stdout);
  });

  it('tells the version', async () => {
    const { version } = JSON.parse(await readFile(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string };
    const outcome = await runCli(['--version'], options);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toMatch(new RegExp(`^pg-tenants/${version} `));
  });

  it('comes from the sources without a build', async () => {
    const outcome = await runCli(['lisst', '--json'], { ...options, bin: join(REPOSITORY, 'bin', 'dev.js') });
    expect(outcome.code).toBe(2);
    expect(outcome.json()).toMatchObject({ error: { code: 'USAGE' } });
  });
});

function widest(text: string): number {
  return Math.max(...text.split('\n').map((line) => line.length));
}
