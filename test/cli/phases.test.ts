import { beforeAll, expect, it } from 'vitest';

import { ensureBuilt } from '../support/build.js';
import { useFleet } from '../support/fleet.js';
import { callCli } from '../support/run-cli.js';

const fleet = useFleet({ tenants: ['a', 'b'] });

beforeAll(async () => {
  await ensureBuilt();
  await fleet.tenantMigration('0002_add.sql', 'ALTER TABLE projects ADD title text;');
  await fleet.tenantMigration('0003_drop.sql', '-- tenants: phase=post\nALTER TABLE projects DROP COLUMN name;');
});

const tenants = async (...words: string[]) =>
  await callCli(words, { cwd: fleet.files.root, env: { DATABASE_URL: fleet.database.url } });

it('the phases of a change from the command line: status, plan, migrate and a new tenant', async () => {
  expect((await tenants('plan', '--phase', 'pre')).stdout).toMatch(
    /\+ 0002_add\n[^]*Waiting for the new code: 0003_drop\nWhen it runs everywhere, apply it with: tenants migrate --phase post/,
  );
  expect((await tenants('plan')).stdout).toContain('+ 0003_drop (post)');
  expect(await tenants('status', '--check', '--phase', 'pre')).toMatchObject({ code: 3 });
  const before = await tenants('migrate', '--phase', 'pre', '--json');
  expect(before.code).toBe(0);
  expect(before.json()).toMatchObject({ phase: { name: 'pre', waiting: ['0003_drop'], heldBack: [] } });
  const status = await tenants('status', '--check', '--phase', 'pre');
  expect(status.code).toBe(0);
  expect(status.stdout).toMatch(/2 pending, 2 of the pending only with --phase post[^]*1 pending \(post\): 0003_drop/);
  expect(await tenants('status', '--check')).toMatchObject({ code: 3 });
  const json = (await tenants('status', '--json')).json();
  expect(json).toMatchObject({ tenants: { postOnly: 2 }, cohorts: [{ post: ['0003_drop'] }] });
  const again = await tenants('migrate', '--phase', 'pre');
  expect(again.stdout).toMatch(/^Nothing to do: shared schema and 2 tenants are where the phase pre takes them/);
  const created = await tenants('create-tenant', 'c');
  expect(created.stderr).toContain('0003_drop is left out: no tenant has 0003_drop yet');
  expect(await fleet.applied('c')).toEqual(['0001_projects', '0002_add']);
  expect(await tenants('migrate', '--phase', 'post')).toMatchObject({ code: 0 });
  expect(await tenants('status', '--check')).toMatchObject({ code: 0 });
});

it('what is held back ends with exit code 1, and says what to do', async () => {
  await fleet.tenantMigration('0004_drop.sql', '-- tenants: phase=post\nALTER TABLE projects DROP COLUMN title;');
  await fleet.tenantMigration('0005_add.sql', 'ALTER TABLE projects ADD note text;');
  const run = await tenants('migrate', '--phase', 'pre');
  expect(run.code).toBe(1);
  expect(run.stdout).toMatch(/Warning: 0005_add is held back in 3 tenants \(a, b, c\): 0004_drop comes first/);
});

it.each([
  [['migrate', '--phase', 'later'], '--phase must be pre or post (got later).'],
  [['status', '--phase', 'pre'], '--phase belongs to --check, which is missing.'],
])('%j is refused', async (words, message) => {
  const run = await tenants(...words);
  expect(run.code).toBe(2);
  expect(run.stderr).toContain(message);
});
