import { beforeEach, describe, expect, it } from 'vitest';

import { checkOf } from '../support/doctor.js';
import { useFleet } from '../support/fleet.js';

const fleet = useFleet({ tenants: ['acme', 'beta', 'active', 'new'] });

beforeEach(async () => {
  await fleet.database.query(
    `DROP SCHEMA acme CASCADE; CREATE SCHEMA acme; CREATE TABLE acme.projects (id bigint, name text)`,
  );
});

const check = async () => checkOf(await fleet.project(), 'cross-tenant-references');

describe('the check for references between tenants', () => {
  it.each([
    ['a view', 'CREATE VIEW acme.v AS SELECT * FROM beta.projects', ['acme: view acme.v is bound to "beta"']],
    [
      'a default',
      `CREATE TABLE acme.t (id bigint DEFAULT nextval('beta.projects_id_seq'))`,
      ['acme: default value for column id of table acme.t is bound to "beta"'],
    ],
    [
      'a default that is looked up',
      `CREATE TABLE acme.t (id bigint DEFAULT nextval(('beta.projects_id_seq'::text)::regclass))`,
      ['acme: default value for column id of table acme.t mentions "beta"'],
    ],
    [
      'a policy',
      'CREATE POLICY p ON acme.projects USING (EXISTS (SELECT FROM beta.projects))',
      ['acme: policy p on table acme.projects is bound to "beta"'],
    ],
    [
      'a foreign key',
      'CREATE TABLE acme.t (id bigint CONSTRAINT k REFERENCES beta.projects)',
      ['acme: constraint k on table acme.t is bound to "beta"'],
    ],
    [
      'the body of a function',
      `CREATE FUNCTION acme.f() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM beta.projects); END';
       CREATE FUNCTION acme.own() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM acme.projects'`,
      ['acme: function acme.f() mentions "beta"'],
    ],
    [
      'the search path of a function',
      `CREATE FUNCTION acme.f() RETURNS int LANGUAGE sql SET search_path = beta, acme AS 'SELECT 1'`,
      ['acme: function acme.f() has in its search path "beta"'],
    ],
  ])('finds %s', async (_, sql, items) => {
    await fleet.database.query(sql);
    expect(await check()).toMatchObject({ ok: false, actual: '1 object uses another tenant', items });
  });

  it('takes values, rows of triggers and what tenants have of their own for none', async () => {
    await fleet.database.query(`
      CREATE FUNCTION acme.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.name = 'active' AND NEW.id IS DISTINCT FROM OLD.id THEN NEW.name := 'beta'; END IF; RETURN NEW; END $$;
      CREATE TRIGGER t BEFORE UPDATE ON acme.projects FOR EACH ROW EXECUTE FUNCTION acme.touch('beta');
      CREATE TABLE acme.t (status text DEFAULT 'active', note text DEFAULT 'a. b.');
      CREATE VIEW acme.v AS SELECT * FROM acme.t WHERE status = 'active';
      CREATE VIEW public.all_projects AS SELECT name FROM acme.projects UNION ALL SELECT name FROM beta.projects`);
    expect(await check()).toMatchObject({ ok: true, actual: 'none' });
    await fleet.database.query('DROP VIEW public.all_projects');
  });
});
