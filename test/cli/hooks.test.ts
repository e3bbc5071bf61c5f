import { beforeAll, describe, expect, it } from 'vitest';

import { useCliProject } from './cli-project.js';

const CONFIG = `export default { hooks: {
  afterMigrate: async ({ tenant, client }) => {
    await client.query('SELECT 1');
    if (tenant === 'b') throw new Error('the disk of ' + tenant + ' is full');
  },
  beforeRollback: async () => {
    process.stderr.write('the hook waits\\n');
    setInterval(() => {}, 1000);
    await new Promise(() => {});
  },
} };\n`;

describe('hooks of the configuration', () => {
  const cli = useCliProject({ 'tenants.config.mjs': CONFIG });
  beforeAll(async () => {
    expect((await cli.run(['migrate'])).code).toBe(0);
    await cli.database.query(`INSERT INTO tenants (schema_name) VALUES ('a'), ('b'), ('c')`);
  });

  it('fail their tenant, which is reported, and the exit code is 1', async () => {
    const outcome = await cli.run(['migrate', '--create-missing', '--canary', '0']);
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toMatch(/HOOK_FAILED/);
    expect(outcome.stdout).toMatch(/The hook afterMigrate failed: the disk of b is full/);
    const { rows } = await cli.database.query(
      `SELECT nspname FROM pg_namespace WHERE nspname IN ('a', 'b', 'c') ORDER BY 1`,
    );
    expect(rows).toEqual([{ nspname: 'a' }, { nspname: 'c' }]);
  });

  it('that never return are given up at the second Ctrl-C', async () => {
    const running = cli.spawn(['rollback', '--tenant', 'a', '--json']);
    await running.until(/the hook waits/);
    running.child.kill('SIGINT');
    await running.until(/Finishing running work/);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(running.child.exitCode).toBeNull();
    running.child.kill('SIGINT');
    const outcome = await running.outcome;
    expect(outcome).toMatchObject({ code: 130, signal: null });
    expect(outcome.json()).toMatchObject({ exitCode: 130 });
    const { rows } = await cli.database.query('SELECT name FROM a.pgmigrations');
    expect(rows).toEqual([{ name: '0001_projects' }]);
  });
});
