import type { TenantsError } from '../../src/errors/tenants-error.js';
import type { TestFleet } from '../support/fleet.js';

/** Functions with search paths of their own. `$T` stands for the tenant's schema. */
export const PATHS = `
  CREATE FUNCTION $T.by_path() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = $T, public, pg_temp AS 'SELECT name FROM projects';
  SET search_path = '$T';
  CREATE FUNCTION $T.by_current() RETURNS text LANGUAGE plpgsql SET search_path FROM CURRENT AS 'BEGIN RETURN (SELECT name FROM projects); END';
  RESET search_path;
  CREATE PROCEDURE $T.quoted() LANGUAGE sql SET search_path TO "$user", '$T', 'Ot"her' AS ''`;

/** What names the schema, and what the refusal says of it. */
export const MENTIONS: [string, string, Record<string, unknown>][] = [
  [
    'the body of a SQL function',
    `CREATE FUNCTION $T.total() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM $T.projects'`,
    { object: 'function $T.total()', place: 'body', line: 1 },
  ],
  [
    'the body of a PL/pgSQL function',
    `CREATE FUNCTION $T.total() RETURNS bigint LANGUAGE plpgsql AS $$
       BEGIN
         RETURN (SELECT count(*) FROM $T.projects);
       END $$`,
    { object: 'function $T.total()', place: 'body', line: 3 },
  ],
  [
    'a function of the shared schema',
    `CREATE FUNCTION public.of_$T() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM $T.projects'`,
    { object: 'function public.of_$T()', place: 'body', line: 1 },
  ],
  [
    'a statement in a string',
    `CREATE FUNCTION $T.total() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DELETE FROM $T.projects'; END $$`,
    { object: 'function $T.total()', place: 'body', line: 1 },
  ],
  [
    'a default',
    `CREATE TABLE $T.items (id bigint DEFAULT nextval(('$T.projects_id_seq'::text)::regclass))`,
    { object: 'default value for column id of table $T.items', place: 'definition' },
  ],
  [
    'the default of a parameter',
    `CREATE FUNCTION $T.f(a text DEFAULT '$T.projects') RETURNS int LANGUAGE sql AS 'SELECT 1'`,
    { object: 'function $T.f(text)', place: 'definition' },
  ],
  [
    'a policy',
    `CREATE POLICY p ON $T.projects USING (current_setting('my.tenant', true) = '$T')`,
    { object: 'policy p on table $T.projects', place: 'definition' },
  ],
  [
    'a view',
    `CREATE VIEW $T.v AS SELECT to_regclass('$T.projects') AS table`,
    { object: 'view $T.v', place: 'definition' },
  ],
  [
    'the condition of a trigger',
    `CREATE FUNCTION $T.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
     CREATE TRIGGER t BEFORE INSERT ON $T.projects FOR EACH ROW WHEN (NEW.name = '$T') EXECUTE FUNCTION $T.touch()`,
    { object: 'trigger t on table $T.projects', place: 'definition' },
  ],
  [
    'the argument of a trigger',
    `CREATE FUNCTION $T.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
     CREATE TRIGGER t BEFORE INSERT ON $T.projects FOR EACH ROW EXECUTE FUNCTION $T.touch('$T')`,
    { object: 'trigger t on table $T.projects', place: 'definition' },
  ],
  [
    'a check',
    `ALTER TABLE $T.projects ADD CONSTRAINT c CHECK (name <> '$T')`,
    { object: 'constraint c on table $T.projects', place: 'definition' },
  ],
  [
    'another setting of a function',
    `CREATE FUNCTION $T.f() RETURNS int LANGUAGE sql SET my.tenant = '$T' AS 'SELECT 1'`,
    { object: 'function $T.f()', place: 'setting' },
  ],
];

/** Follows a schema by itself, and must not be taken for a mention. */
export const INNOCENT = `
  CREATE TABLE $T.items (id bigint DEFAULT nextval('$T.projects_id_seq'), kind text DEFAULT 'plain');
  CREATE VIEW $T.v AS SELECT projects.id FROM $T.projects JOIN $T.items USING (id) WHERE kind = 'x$T.y';
  CREATE POLICY p ON $T.items USING (EXISTS (SELECT FROM $T.projects));
  CREATE FUNCTION $T.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    -- once in $T.projects
    IF NEW.kind IS DISTINCT FROM OLD.kind THEN RETURN NULL; END IF; RETURN NEW; END $$;
  CREATE TRIGGER t BEFORE UPDATE ON $T.items FOR EACH ROW WHEN (NEW.kind = 'plain') EXECUTE FUNCTION $T.touch('a');
  CREATE FUNCTION $T.standard() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM $T.projects; END`;

/** What the tests of mentions do with a fleet. */
export function mentionTools(fleetOf: () => TestFleet) {
  let count = 0;
  const query = (sql: string) => fleetOf().database.query(sql);
  return {
    query,
    /** A tenant with one row, and statements run in it; `$T` stands for its name. */
    tenantWith: async (sql: string): Promise<string> => {
      count += 1;
      const name = `tenant_${count}`;
      await fleetOf().create(name);
      await query(`INSERT INTO ${name}.projects (name) VALUES ('of ${name}')`);
      await query(sql.replaceAll('$T', name));
      return name;
    },
    /** What is expected of a tenant with this name. */
    mentionOf: (name: string, expected: Record<string, unknown>) =>
      JSON.parse(JSON.stringify({ ...expected, schema: name }).replaceAll('$T', name)) as Record<string, unknown>,
    refusal: async (work: Promise<unknown>): Promise<TenantsError> =>
      (await work.catch((error: unknown) => error)) as TenantsError,
    one: async (sql: string): Promise<unknown> => Object.values((await query(sql)).rows[0] ?? {})[0],
  };
}
