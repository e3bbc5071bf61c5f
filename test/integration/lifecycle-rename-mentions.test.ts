import { describe, expect, it } from 'vitest';

import { renameTenant } from '../../src/lifecycle/rename-tenant.js';
import { useFleet } from '../support/fleet.js';
import { INNOCENT, MENTIONS, mentionTools, PATHS } from './mentions.js';

const fleet = useFleet({ tenants: [] });
const { mentionOf, one, query, refusal, tenantWith } = mentionTools(() => fleet);

describe('rename-tenant', () => {
  it('puts the new name into the search paths of functions', async () => {
    const name = await tenantWith(PATHS);
    await query(
      `CREATE FUNCTION public.path_of_${name}() RETURNS text LANGUAGE sql SET search_path = ${name} AS 'SELECT name FROM projects'`,
    );
    const renamed = await renameTenant(await fleet.project(), { from: name, to: `${name}_old` });
    expect(renamed).toMatchObject({ warnings: [], mentions: [] });
    await fleet.create(name);
    await query(`INSERT INTO ${name}.projects (name) VALUES ('another')`);
    for (const call of [`${name}_old.by_path()`, `${name}_old.by_current()`, `public.path_of_${name}()`]) {
      expect(await one(`SELECT ${call}`)).toBe(`of ${name}`);
    }
    expect(await one(`SELECT proconfig FROM pg_proc WHERE oid = '${name}_old.quoted()'::regprocedure`)).toEqual([
      `search_path="$user", ${name}_old, "Ot""her"`,
    ]);
  });

  it.each(MENTIONS)('refuses %s that names the schema, and does it when that is allowed', async (_, sql, expected) => {
    const name = await tenantWith(sql);
    const project = await fleet.project();
    const mention = mentionOf(name, expected);
    const error = await refusal(renameTenant(project, { from: name, to: `${name}_new` }));
    expect(error).toMatchObject({ code: 'SCHEMA_MENTIONED', exitCode: 2, details: { mentions: [mention] } });
    expect(error.details.problems).toHaveLength(1);
    expect(await one(`SELECT count(*)::int FROM pg_namespace WHERE nspname = '${name}'`)).toBe(1);
    const renamed = await renameTenant(project, { from: name, to: `${name}_new`, allowMentions: true });
    expect(renamed.mentions).toEqual([mention]);
    expect(renamed.warnings).toEqual(error.details.problems);
  });

  it('refuses settings of roles and of the database', async () => {
    const name = await tenantWith('');
    await query(
      `CREATE ROLE role_of_${name}; ALTER ROLE role_of_${name} IN DATABASE "${fleet.database.name}" SET search_path TO ${name}, public;
       ALTER DATABASE "${fleet.database.name}" SET my.tenant TO '${name}'`,
    );
    try {
      const error = await refusal(renameTenant(await fleet.project(), { from: name, to: `${name}_new` }));
      expect(error.details.problems).toEqual([
        `A setting of database ${fleet.database.name} mentions the schema "${name}".`,
        `A setting of role role_of_${name} in database ${fleet.database.name} mentions the schema "${name}".`,
      ]);
    } finally {
      await query(
        `ALTER DATABASE "${fleet.database.name}" RESET ALL; DROP OWNED BY role_of_${name}; DROP ROLE role_of_${name}`,
      );
    }
  });

  it('takes what follows by itself for no mention', async () => {
    const name = await tenantWith(INNOCENT);
    expect(await renameTenant(await fleet.project(), { from: name, to: `${name}_new` })).toMatchObject({
      mentions: [],
    });
    expect(await one(`SELECT ${name}_new.standard()::int`)).toBe(1);
  });
});
