import { execFile, execFileSync } from 'node:child_process';
import { chmod, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { beforeAll, describe, expect, it } from 'vitest';

import { COMMAND_NAMES } from '../../src/cli/command-names.js';
import { rememberProject } from '../../src/cli/completion/names.js';
import { REPOSITORY } from '../support/build.js';
import { useCliProject } from './cli-project.js';

const HOSTILE = `$(touch pwned) 'q"`;
/** A look-up is a process of its own, on a machine that may be busy. */
const PATIENT = { timeout: 60_000, interval: 200 };
const has = (shell: string): boolean => {
  try {
    execFileSync(shell, ['-c', 'exit 0']);
    return true;
  } catch {
    return false;
  }
};

describe('completion', () => {
  const cli = useCliProject();
  let env: Record<string, string>;

  beforeAll(async () => {
    env = { DATABASE_URL: cli.database.url, XDG_CACHE_HOME: cli.project.path('cache'), HOME: cli.project.root };
    await cli.run(['migrate', '--shared']);
    for (const args of [['acme', 'acme.test'], ['acre'], ['globex']]) await cli.run(['create-tenant', ...args]);
    await cli.database.query(`INSERT INTO public.tenants (schema_name, name) VALUES ($1, 'hostile')`, [HOSTILE]);
    await cli.project.write(
      'bin/tenants',
      `#!/bin/sh\nexec "${process.execPath}" "${join(REPOSITORY, 'bin', 'run.js')}" "$@"\n`,
    );
    await chmod(cli.project.path('bin', 'tenants'), 0o755);
  });

  const names = (kind: string) => cli.run(['completion', '--names', kind], { env });

  it('looks names up in the background, gives what it has at once, and keeps it where others cannot read it', async () => {
    // Not in a project in which nobody ran a command: its configuration is code.
    expect(await names('tenants')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await readdir(cli.project.path('cache', 'pg-tenants'))).toEqual([]);
    await rememberProject({ cwd: cli.project.root, env });
    expect(await names('tenants')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await expect
      .poll(async () => (await names('tenants')).stdout.split('\n'), PATIENT)
      .toEqual(expect.arrayContaining(['acme', 'acre', 'globex', HOSTILE]));
    expect((await names('domains')).stdout).toBe('acme.test\n');
    expect((await names('migrations')).stdout).toBe('0001_projects\n0001_registry\n');
    const folder = cli.project.path('cache', 'pg-tenants');
    for (const file of await readdir(folder)) expect((await stat(join(folder, file))).mode & 0o077).toBe(0);
  });

  it('answers without the database, and starts one look-up at a time', async () => {
    const gone = { ...env, DATABASE_URL: 'postgres://u:s3cret@10.255.255.1:5432/x' };
    await rememberProject({ cwd: cli.project.root, env: gone });
    const started = performance.now();
    for (let tries = 0; tries < 3; tries += 1) {
      const outcome = await cli.run(['completion', '--names', 'tenants'], { env: gone });
      expect(outcome).toMatchObject({ code: 0, stdout: '', stderr: '' });
    }
    expect(performance.now() - started).toBeLessThan(10_000);
    expect((await cli.run(['completion', '--names', 'passwords'], { env })).code).toBe(2);
  });

  it('takes the shell from $SHELL, and refuses others with exit code 2', async () => {
    const outcome = await cli.run(['completion', '--json'], { env: { SHELL: '/usr/bin/fish' } });
    expect(outcome.json()).toMatchObject({
      shell: 'fish',
      script: expect.stringContaining('complete -c tenants') as string,
    });
    expect((await cli.run(['completion'], { env: { SHELL: '/bin/dash' } })).code).toBe(2);
    expect((await cli.run(['completion', 'tcsh'])).code).toBe(2);
  });

  it.each(['bash', 'zsh', 'fish'])('has a script for %s with every command', async (shell) => {
    const { stdout, code } = await cli.run(['completion', shell]);
    expect(code).toBe(0);
    for (const name of COMMAND_NAMES) expect(stdout).toContain(name);
    expect(stdout).not.toContain('--refresh');
  });

  it.each(['bash', 'zsh', 'fish'].filter(has))('the script is valid in %s', async (shell) => {
    const { stdout } = await cli.run(['completion', shell]);
    const file = await cli.project.write(`completion.${shell}`, stdout);
    await promisify(execFile)(shell, ['-n', file]);
  });

  describe.skipIf(!has('bash'))('in bash', () => {
    /** What is offered for the last word. */
    async function offered(...words: string[]): Promise<string[]> {
      const { stdout: script } = await cli.run(['completion', 'bash']);
      const code = `${script}
COMP_WORDS=(tenants "$@"); COMP_CWORD=$#
_tenants_complete
printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout } = await promisify(execFile)('bash', ['-c', code, 'bash', ...words], {
        cwd: cli.project.root,
        env: { ...process.env, ...env, PATH: `${cli.project.path('bin')}:${process.env['PATH'] ?? ''}` },
      });
      return stdout.split('\n').filter((line) => line !== '');
    }

    it.each<[string[], string[]]>([
      [['mig'], ['migrate']],
      [['create-t'], ['create-tenant']],
      [['--config', 'x.ts', 'mig'], ['migrate']],
      [['migrate', '--conc'], ['--concurrency']],
      [['migrate', '--executor', 'w'], ['worker-threads']],
      [
        ['migrate', '--tenant', 'ac'],
        ['acme', 'acre'],
      ],
      [['migrate', '--tenant', '=', 'gl'], ['globex']],
      [['migrate', '--tenant', 'acme,gl'], ['acme,globex']],
      [['migrate', '--to', '0001_p'], ['0001_projects']],
      [
        ['delete-tenant', 'ac'],
        ['acme', 'acre'],
      ],
      [['create-domain', 'gl'], ['globex']],
      [['create-domain', 'globex', 'gl'], []],
      [['rename-tenant', 'acme', 'ac'], []],
      [['delete-domain', ''], ['acme.test']],
      [
        ['db', 's'],
        ['start', 'stop'],
      ],
      [
        ['completion', ''],
        ['bash', 'zsh', 'fish'],
      ],
      [['nonsense', '--x'], []],
    ])('%j is completed to %j', async (words, expected) => {
      await expect.poll(() => offered(...words), PATIENT).toEqual(expected);
    });

    it('never runs what is in a name', async () => {
      await expect.poll(() => offered('shell', '$'), PATIENT).toEqual([String.raw`\$\(touch\ pwned\)\ \'q\"`]);
      expect(await readdir(cli.project.root)).not.toContain('pwned');
    });
  });
});
