import type { Client } from 'pg';

import { sendBatch } from '../../db/batch.js';
import { type JournalTable, journalTable, TABLES, VERSION } from './versions.js';

/** The schema that holds a journal, and the role under which it is written, where that is not the session's own. */
export type JournalPlace = { schema: string; role: string | undefined; version: number };

/** What is there of a journal, and what may be done about it. */
export type JournalState =
  /** It can be read and written. */
  | { kind: 'ready'; place: JournalPlace }
  /** It has to be made or upgraded first, which `role` (or the session's own role) may do. */
  | { kind: 'outdated'; place: JournalPlace; schemaExists: boolean; user: string }
  /** There is none, and it cannot be made. */
  | { kind: 'absent'; why: string; advice: string[] }
  /** There is something that is not read or not written. `readable` where it is only not written. */
  | { kind: 'unusable'; why: string; advice: string[]; readable?: JournalPlace };

/**
 * Looks at the journal, in one or two catalog queries. Changes nothing.
 *
 * Whoever owns a table can attach code to it that runs as whoever writes there. So a journal counts only if it belongs to the
 * session's role, the configured role, the database's owner or a superuser, and nothing is attached to its tables.
 */
export async function inspectJournal(client: Client, schema: string, role: string | undefined): Promise<JournalState> {
  const { rows } = await client.query<Look>(LOOK, [schema, role ?? null, [...TABLES]]);
  const [look] = rows;
  if (look === undefined) throw new Error('A SELECT without FROM has one row.');
  const known = judge(look, schema, role);
  if (known.kind !== 'ready') return known;
  const acting = known.place.role;
  const answers = await sendBatch(client, [
    ...(acting === undefined ? [] : [{ text: `SELECT pg_catalog.set_config('role', $1, true)`, values: [acting] }]),
    { text: `SELECT version, writable_from FROM ${journalTable(schema, 'about')}` },
  ]);
  const [row] = answers.at(-1)?.rows ?? [];
  return judgeVersion(known.place, look.user, row && { version: Number(row[0]), writableFrom: Number(row[1]) });
}

/** What the catalog says about the journal. */
export type Look = {
  user: string;
  exists: boolean;
  owner: string | null;
  trusted: boolean;
  /** The session's role may make the schema, or make tables in it. */
  mayMake: boolean;
  /** The configured role may, and the session may act as it. */
  roleMayMake: boolean;
  tables: readonly {
    name: JournalTable;
    trusted: boolean;
    plain: boolean;
    reads: boolean;
    writes: boolean;
    roleWrites: boolean;
  }[];
};

/** Everything but the version. Pure. */
export function judge(look: Look, schema: string, role: string | undefined): JournalState {
  const { tables, user } = look;
  const switchOff = 'To do without it, set journal: false in the configuration.';
  if (look.exists && !look.trusted) {
    return {
      kind: 'unusable',
      why: `the schema "${schema}" belongs to "${look.owner ?? ''}", whom this run does not trust`,
      advice: [`Connect as that user, or name another schema: journal: { schema: '…' }.`, switchOff],
    };
  }
  const odd = tables.find(({ trusted, plain }) => !trusted || !plain);
  if (odd !== undefined) {
    return {
      kind: 'unusable',
      why: `"${schema}"."${odd.name}" is not a table that this product made: it belongs to someone else, or has triggers, rules or policies`,
      advice: [`Name another schema: journal: { schema: '…' }.`, switchOff],
    };
  }
  if (tables.length < TABLES.length) {
    const acting = look.mayMake ? undefined : role;
    if (look.mayMake || (look.roleMayMake && role !== undefined)) {
      const place = { schema, role: acting, version: 0 };
      // Some of the tables are gone: they cannot be made again beside the others.
      if (tables.length === 0) return { kind: 'outdated', place, schemaExists: look.exists, user };
      const missing = TABLES.filter((name) => !tables.some((table) => table.name === name));
      return {
        kind: 'unusable',
        why: `the schema "${schema}" lacks the table ${missing.join(', ')}`,
        advice: [`If its record is not needed, drop the schema; it is made again.`, switchOff],
      };
    }
    return {
      kind: 'absent',
      why: look.exists
        ? `the database user "${user}" may not create tables in the schema "${schema}"`
        : `the database user "${user}" may not create the schema "${schema}"`,
      advice: [
        look.exists
          ? `GRANT USAGE, CREATE ON SCHEMA "${schema}" TO "${user}"`
          : `CREATE SCHEMA "${schema}" AUTHORIZATION "${user}", as a user who may.`,
        switchOff,
      ],
    };
  }
  const place = { schema, role: undefined, version: 0 };
  if (tables.every(({ writes, reads }) => writes && reads)) return { kind: 'ready', place };
  if (role !== undefined && tables.every(({ roleWrites }) => roleWrites)) {
    return { kind: 'ready', place: { ...place, role } };
  }
  return {
    kind: 'unusable',
    why: `the database user "${user}" may not write to the tables of the schema "${schema}"`,
    advice: [
      `GRANT USAGE ON SCHEMA "${schema}" TO "${user}"`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "${schema}" TO "${user}"`,
      switchOff,
    ],
    ...(tables.every(({ reads }) => reads) ? { readable: { ...place, version: VERSION } } : {}),
  };
}

/** An older journal is upgraded; a newer one is written as long as it says that this version may. Pure. */
export function judgeVersion(
  place: JournalPlace,
  user: string,
  found: { version: number; writableFrom: number } | undefined,
): JournalState {
  if (found === undefined) return { kind: 'outdated', place, schemaExists: true, user };
  const known = { ...place, version: found.version };
  if (found.version < VERSION) return { kind: 'outdated', place: known, schemaExists: true, user };
  if (found.writableFrom <= VERSION) return { kind: 'ready', place: known };
  return {
    kind: 'unusable',
    why: `a newer version of tenants keeps the journal in "${place.schema}" (its format is ${found.version}, this version knows ${VERSION})`,
    advice: ['Use the same version of tenants everywhere.'],
  };
}

/** Whether an owner is one whose tables are used. */
const trusted = (owner: string): string => `EXISTS (SELECT FROM pg_catalog.pg_roles o
  WHERE o.oid = ${owner} AND (o.rolsuper OR o.rolname = current_user OR o.rolname = $2::text
     OR o.oid = (SELECT d.datdba FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())))`;

const ROLE = `(SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = $2::text AND pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER'))`;

const WRITES = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];

const LOOK = `SELECT current_user::text AS "user", n.oid IS NOT NULL AS exists,
    pg_catalog.pg_get_userbyid(n.nspowner)::text AS owner, n.oid IS NULL OR ${trusted('n.nspowner')} AS trusted,
    CASE WHEN n.oid IS NULL THEN pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
         ELSE pg_catalog.has_schema_privilege(n.oid, 'CREATE') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') END AS "mayMake",
    coalesce(CASE WHEN n.oid IS NULL THEN pg_catalog.has_database_privilege(${ROLE}, pg_catalog.current_database(), 'CREATE')
         ELSE pg_catalog.has_schema_privilege(${ROLE}, n.oid, 'CREATE') END, false) AS "roleMayMake",
    coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', c.relname, 'trusted', ${trusted('c.relowner')},
         'plain', c.relkind = 'r' AND NOT c.relhasrules AND NOT c.relhastriggers AND NOT c.relrowsecurity AND NOT c.relhassubclass,
         'reads', pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT'),
         'writes', pg_catalog.has_schema_privilege(n.oid, 'USAGE')
           AND ${WRITES.map((one) => `pg_catalog.has_table_privilege(c.oid, '${one}')`).join(' AND ')},
         'roleWrites', coalesce(pg_catalog.has_schema_privilege(${ROLE}, n.oid, 'USAGE')
           AND ${WRITES.map((one) => `pg_catalog.has_table_privilege(${ROLE}, c.oid, '${one}')`).join(' AND ')}, false)))
       FROM pg_catalog.pg_class c
      WHERE c.relnamespace = n.oid AND c.relname::text = ANY ($3::text[])), '[]') AS tables
  FROM (SELECT) x LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = $1::text`;
