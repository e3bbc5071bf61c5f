import { access } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createProject, type TestProject } from '../support/project.js';
import { runCli } from '../support/run-cli.js';

describe('a project without a server', () => {
  let project: TestProject;
  beforeAll(async () => {
    project = await createProject();
    expect((await runCli(['init'], { cwd: project.root })).code).toBe(0);
  });
  afterAll(() => project.remove());

  /** The server removes this file when it has ended. */
  const running = (): Promise<boolean> =>
    access(project.path('.tenants', 'postgres', 'postmaster.pid')).then(
      () => true,
      () => false,
    );

  it('works, and leaves no server behind after success', async () => {
    const outcome = await runCli(['migrate', '--json'], { cwd: project.root });
    expect(outcome.code).toBe(0);
    expect(outcome.json()).toMatchObject({ shared: { status: 'applied' } });
    expect(outcome.stderr).toContain('Using the embedded database in .tenants. DATABASE_URL is not set.');
    await access(project.path('.tenants', 'postgres', 'PG_VERSION'));
    expect(await running()).toBe(false);
  });

  it('leaves none behind after an error', async () => {
    const outcome = await runCli(['migrate', '--tenant', 'nobody'], { cwd: project.root });
    expect(outcome.code).toBe(2);
    expect(await running()).toBe(false);
  });

  it('leaves none behind after a signal', async () => {
    expect((await runCli(['create-tenant', 'a'], { cwd: project.root })).code).toBe(0);
    await project.write('migrations/tenant/0002_slow.sql', '-- Up Migration\nSELECT pg_sleep(2);\n');
    const signalAfter = { signal: 'SIGTERM', pattern: /Tenants \(1\)/, ms: 700 } as const;
    const outcome = await runCli(['migrate'], { cwd: project.root, signalAfter });
    expect(outcome).toMatchObject({ code: 143, signal: null });
    expect(outcome.stdout).toMatch(/1 migrated/);
    expect(await running()).toBe(false);
  });

  it('is refused in CI, where it would pass for the real one, unless it is asked for', async () => {
    const env = { CI: 'true', NODE_ENV: 'staging' };
    const refused = await runCli(['migrate', '--json'], { cwd: project.root, env });
    expect(refused.code).toBe(2);
    expect(refused.json()).toMatchObject({ error: { code: 'EMBEDDED_REFUSED' } });
    const asked = await runCli(['list', '--json', '--database', 'embedded'], { cwd: project.root, env });
    expect(asked.code).toBe(0);
    expect(asked.stderr).toContain('Using the embedded database in .tenants.');
  });

  it('is refused in production', async () => {
    const outcome = await runCli(['status', '--json'], { cwd: project.root, env: { NODE_ENV: 'production' } });
    expect(outcome.code).toBe(2);
    expect(outcome.json()).toMatchObject({ error: { code: 'EMBEDDED_REFUSED' } });
  });
});
