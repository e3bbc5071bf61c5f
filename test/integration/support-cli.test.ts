import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { runCli, spawnCli } from '../support/run-cli.js';

/** Stands in for the command line: the support code is what is tested here. */
const PROBE = `
process.stdin.resume().on('end', () => undefined);
const [wish] = process.argv.slice(2);
if (wish === 'env') process.stdout.write(JSON.stringify(process.env));
else if (wish === 'echo') process.stdin.pipe(process.stdout);
else {
  process.on('SIGINT', () => { process.stderr.write('draining'); process.exit(130); });
  process.stdout.write('ready');
  setInterval(() => undefined, 1000);
}`;

describe('running the command line', () => {
  let cwd = '';
  let bin = '';

  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'tenants-cli-'));
    bin = join(cwd, 'probe.mjs');
    await writeFile(bin, PROBE);
  });

  afterAll(() => rm(cwd, { recursive: true, force: true }));

  it('lets no setting of the surrounding shell through', async () => {
    vi.stubEnv('DATABASE_URL', 'postgres://leak').stubEnv('PGHOST', 'leak').stubEnv('TENANTS_EXECUTOR', 'leak');
    const outcome = await runCli(['env'], { cwd, bin, env: { TENANTS_CANARY: '0' } });
    vi.unstubAllEnvs();
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).not.toContain('leak');
    expect(outcome.json()).toMatchObject({ NO_COLOR: '1', TENANTS_CANARY: '0', PATH: process.env['PATH'] });
  });

  it('gives the input and returns the output', async () => {
    const outcome = await runCli(['echo'], { cwd, bin, input: 'zwölf' });
    expect(outcome).toMatchObject({ code: 0, signal: null, stdout: 'zwölf', stderr: '' });
    expect(() => outcome.json()).toThrow(/not one JSON document:\nzwölf/);
  });

  it('signals when the output says so', async () => {
    const signalAfter = { signal: 'SIGINT', pattern: /ready/ } as const;
    const outcome = await runCli(['wait'], { cwd, bin, signalAfter });
    expect(outcome).toMatchObject({ code: 130, signal: null, stderr: 'draining' });
  });

  it('leaves a started command to the caller', async () => {
    const running = spawnCli(['wait'], { cwd, bin });
    await running.until(/ready/);
    expect(running.output().stdout).toBe('ready');
    running.child.kill('SIGKILL');
    expect(await running.outcome).toMatchObject({ code: null, signal: 'SIGKILL' });
    const late = running.until(/never/);
    await expect(late).rejects.toThrow(/ended before/);
  });
});
