import { quoteIdentifier } from '../../db/identifiers.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { right, wrong } from '../results.js';
import type { Check, CheckGroup, Examination } from '../types.js';

/**
 * Privileges of the connecting user and of the configured `role`. Lanes act as that role: it creates schemas, owns what is in
 * them, and must be able to read in the registry that a tenant still exists. Rows of the registry are written by the
 * connecting user.
 */
export const PRIVILEGE_CHECKS: CheckGroup = {
  names: ['set-role', 'database-privileges', 'shared-schema-privileges'],
  run: async (exam) => {
    const rights = await readRights(exam);
    return [roleCheck(exam, rights), databaseCheck(rights), sharedSchemaCheck(exam, rights)];
  },
};

type Rights = {
  /** The connecting user. */
  login: string;
  /** The role that creates and owns everything in the tenants. */
  owner: string;
  database: string;
  ownerExists: boolean;
  maySetRole: boolean;
  createInDatabase: boolean;
  sharedExists: boolean;
  /** Missing privileges, such as `CREATE for "app"`. */
  sharedLacks: { holder: string; privilege: string }[];
};

async function readRights({ client, project, server }: Examination): Promise<Rights> {
  const { role, shared } = project;
  // Since PostgreSQL 16, membership and the right to SET ROLE are granted separately.
  const setting = server.version >= 160_000 ? 'SET' : 'MEMBER';
  const { rows } = await client.query<Rights>(
    `WITH login AS (SELECT oid, rolname FROM pg_roles WHERE rolname = current_user),
          owner AS (SELECT oid FROM pg_roles WHERE rolname = coalesce($1::text, current_user)),
          shared AS (SELECT oid FROM pg_namespace WHERE nspname = $2::text)
     SELECT current_user::text AS login, coalesce($1::text, current_user::text) AS owner, current_database()::text AS database,
            EXISTS (SELECT FROM owner) AS "ownerExists",
            coalesce(pg_has_role(login.oid, (SELECT oid FROM owner), $3), false) AS "maySetRole",
            coalesce(has_database_privilege((SELECT oid FROM owner), current_database(), 'CREATE'), false) AS "createInDatabase",
            EXISTS (SELECT FROM shared) AS "sharedExists",
            coalesce((SELECT json_agg(json_build_object('holder', r.rolname, 'privilege', p.privilege))
               FROM shared, (SELECT oid, rolname, 'USAGE' AS wanted FROM pg_roles WHERE oid IN (login.oid, (SELECT oid FROM owner))
                             UNION ALL SELECT oid, $1, 'CREATE' FROM owner WHERE $1 IS NOT NULL
                             UNION ALL SELECT oid, rolname, 'CREATE' FROM login WHERE $1 IS NULL) AS r
                    CROSS JOIN LATERAL (SELECT r.wanted AS privilege) AS p
              WHERE NOT has_schema_privilege(r.oid, shared.oid, p.privilege)), '[]') AS "sharedLacks"
       FROM login`,
    [role ?? null, shared.schema, setting],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('The connecting user is not in the catalog.');
  return row;
}

function roleCheck({ project }: Examination, { login, owner, ownerExists, maySetRole }: Rights): Check {
  if (project.role === undefined) return right('set-role', 'no role is configured');
  if (!ownerExists) {
    return wrong('set-role', `the role "${owner}" does not exist`, {
      suggestions: [`Create it, or change "role" in the configuration.`],
    });
  }
  if (maySetRole) return right('set-role', `"${login}" may act as "${owner}"`);
  return wrong('set-role', `"${login}" may not act as "${owner}"`, {
    suggestions: [`GRANT ${quoteIdentifier(owner)} TO ${quoteIdentifier(login)}`],
  });
}

function databaseCheck({ owner, database, createInDatabase, ownerExists }: Rights): Check {
  const expected = `CREATE on the database for "${owner}"`;
  if (createInDatabase) return right('database-privileges', 'granted', { expected });
  const suggestions = [`GRANT CREATE ON DATABASE ${quoteIdentifier(database)} TO ${quoteIdentifier(owner)}`];
  return wrong(
    'database-privileges',
    ownerExists ? 'not granted: no tenant can be created' : 'the role does not exist',
    {
      expected,
      ...(ownerExists ? { suggestions } : {}),
    },
  );
}

function sharedSchemaCheck({ project }: Examination, { sharedExists, sharedLacks, createInDatabase }: Rights): Check {
  const { schema } = project.shared;
  if (!sharedExists) {
    const actual = `the schema "${schema}" does not exist`;
    const suggestions = [`To create it, run: ${tenantsCommand('migrate', '--shared')}`];
    return createInDatabase
      ? right('shared-schema-privileges', `${actual} yet`)
      : wrong('shared-schema-privileges', actual, { suggestions });
  }
  if (sharedLacks.length === 0) return right('shared-schema-privileges', 'granted');
  const items = sharedLacks.map(({ holder, privilege }) => `${privilege} for "${holder}"`);
  return wrong('shared-schema-privileges', `not granted: ${items.join(', ')}`, {
    suggestions: sharedLacks.map(
      ({ holder, privilege }) =>
        `GRANT ${privilege} ON SCHEMA ${quoteIdentifier(schema)} TO ${quoteIdentifier(holder)}`,
    ),
  });
}
