import { expect, it } from 'vitest';

import { useCliProject } from './cli-project.js';

const cli = useCliProject();

it('metrics says where the fleet stands and how the last run went, and names no tenant', async () => {
  await cli.call(['migrate']);
  await cli.call(['create-tenant', 'acme']);
  await cli.project.write('migrations/tenant/0002_more.sql', 'CREATE TABLE more (id int);');
  const outcome = await cli.call(['metrics']);
  expect(outcome.code).toBe(0);
  const lines = outcome.stdout.trimEnd().split('\n');
  expect(lines).toContain('tenants_fleet{type="",state="pending"} 1');
  expect(lines).toContain('tenants_fleet_pending_migrations 1');
  expect(lines).toContain('tenants_run_in_progress 0');
  expect(lines).toContain('tenants_last_run_undone{command="migrate",status="failed"} 0');
  expect(lines.at(-1)).toBe('# EOF');
  expect(outcome.stdout).not.toContain('acme');
  for (const line of lines) expect(line).toMatch(/^(?:# (?:TYPE|HELP|UNIT|EOF).*|[a-z_]+(?:\{[^}]*\})? [\d.e+]+)$/);
});

it('metrics --json is one document with the same numbers', async () => {
  const { metrics } = (await cli.call(['metrics', '--json'])).json<{ metrics: { name: string }[] }>();
  expect(metrics.map(({ name }) => name)).toContain('tenants_fleet');
});

it('metrics of a database that is not there ends with 5 and prints nothing', async () => {
  const outcome = await cli.call(['metrics'], { env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' } });
  expect(outcome).toMatchObject({ code: 5, stdout: '' });
});
