import { beforeAll, expect, it } from 'vitest';

import type { Project } from '../../src/project/project.js';
import { checkOf } from '../support/doctor.js';
import { useFleet } from '../support/fleet.js';
import { ROW_FILES } from '../support/row-fleet.js';

const fleet = useFleet({ files: ROW_FILES });
const { database } = fleet;
let project: Project;

beforeAll(async () => {
  await fleet.migrate({ selection: { kind: 'shared' } });
  project = await fleet.project();
});

it('passes where tables are as they should be, and without such tenants', async () => {
  expect(await checkOf(project, 'row-tables')).toMatchObject({ ok: true, actual: '3 tables, all protected' });
  const { rows: _rows, ...registry } = project.registry;
  expect(await checkOf({ ...project, registry }, 'row-tables')).toMatchObject({
    ok: true,
    actual: 'no tenants share tables',
  });
});

it('names everything that lets rows of several tenants meet', async () => {
  await database.query(`
    CREATE TABLE bare (tenant_id bigint REFERENCES tenants, id int PRIMARY KEY, customer bigint, UNIQUE (customer));
    CREATE TABLE loose (tenant_id bigint, id int, PRIMARY KEY (tenant_id, id), bare int REFERENCES bare (id));
    ALTER TABLE loose ENABLE ROW LEVEL SECURITY;
    ALTER TABLE loose FORCE ROW LEVEL SECURITY;
    CREATE POLICY all_rows ON loose USING (true);
    ALTER TABLE employees NO FORCE ROW LEVEL SECURITY;
    CREATE VIEW everything AS SELECT * FROM customers;
    CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM public.customers'`);
  const check = await checkOf(project, 'row-tables');
  expect(check).toMatchObject({ ok: false });
  expect(check.items?.filter((item) => !item.startsWith('the role '))).toEqual([
    'bare: row-level security is not enabled',
    'employees: row-level security is not forced for its owner',
    'loose: the policy all_rows does not look at app.tenant_id',
    'bare: its primary key does not begin with tenant_id',
    'bare: the unique index bare_customer_key lacks tenant_id',
    'loose: the foreign key loose_bare_fkey to bare lacks tenant_id',
    'the function peek reads customers as its owner (SECURITY DEFINER)',
    expect.stringContaining('the view everything reads customers as its owner'),
  ]);
});
