import type { Client } from 'pg';

/** The function, view, default or the like that a text belongs to. */
export type TextOwner = { object: string; namespace: string };

export type RoutineText = TextOwner & {
  language: string;
  body: string;
  /** `name=value`, as in `pg_proc.proconfig`. */
  settings: string[] | null;
  /** The whole statement, where it has more to say than the body: defaults of parameters, a body in the SQL standard's form. */
  definition: string | null;
};

export type DefinitionText = TextOwner & { kind: 'statement' | 'expression'; text: string };

/**
 * Functions and procedures that are not an extension's.
 *
 * @param filter.within only those of this schema
 * @param filter.mentioning only those whose text contains this name somewhere, in any case
 * @param filter.without definitions of these schemas' functions are not read
 */
export async function readRoutines(
  client: Client,
  { within, mentioning, without = [] }: { within?: string; mentioning?: string; without?: readonly string[] },
): Promise<RoutineText[]> {
  const { rows } = await client.query<RoutineText>(
    `SELECT pg_describe_object('pg_proc'::regclass, p.oid, 0) AS object, n.nspname::text AS namespace,
            l.lanname::text AS language, p.prosrc AS body, p.proconfig AS settings,
            CASE WHEN ${HAS_DEFINITION} AND n.nspname <> ALL ($3::text[]) THEN pg_get_functiondef(p.oid) END AS definition
       FROM pg_proc p
       JOIN pg_namespace n ON n.oid = p.pronamespace
       JOIN pg_language l ON l.oid = p.prolang
      WHERE ${IS_USERS_ROUTINE} AND ($1::text IS NULL OR n.nspname = $1)
        AND ($2::text IS NULL OR ${HAS_DEFINITION}
             OR strpos(lower(p.prosrc || coalesce(array_to_string(p.proconfig, E'\\n'), '')), lower($2)) > 0)
      ORDER BY 1`,
    [within ?? null, mentioning ?? null, [...without]],
  );
  return rows;
}

/** What a condition on `p` and `n` says of the functions that people have made. */
export const IS_USERS_ROUTINE = `n.nspname NOT IN ('pg_catalog', 'information_schema') AND p.prokind <> 'a'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')`;

const HAS_DEFINITION = `(p.pronargdefaults > 0 OR l.lanname = 'sql' AND p.prosrc = '')`;

/**
 * Views, rules, defaults, policies, triggers, conditions and indexes, as the server prints them. Names of objects in them are bound;
 * their constants are not.
 *
 * To print a view, the server locks the tables that it reads until the statement ends: of a whole fleet that would be too many.
 *
 * @param filter.among only those of these schemas
 * @param filter.without all but those of these schemas
 * @param filter.dotted only those with a constant that has a dot in it, as a qualified name does
 * @param filter.limit at most so many
 */
export async function readDefinitions(
  client: Client,
  filter: { among?: readonly string[]; without?: readonly string[]; dotted?: boolean; limit?: number },
): Promise<DefinitionText[]> {
  const { among, without = [], dotted = false, limit = null } = filter;
  const { rows } = await client.query<DefinitionText>(`${definitions(dotted ? HAS_DOT : HAS_TEXT)} LIMIT $3`, [
    among === undefined ? null : [...among],
    [...without],
    limit,
  ]);
  return rows;
}

/** A condition on the stored form of an expression. */
type TreeCondition = (tree: string) => string;

/** It says of each constant which type it has; only texts, names and untyped ones count. */
const HAS_TEXT: TreeCondition = (tree) => `${tree}::text ~ ':consttype (18|19|25|705|1042|1043|2275) '`;
/** And it has the bytes of each constant as numbers, 46 for a dot. */
const HAS_DOT: TreeCondition = (tree) => `${tree}::text ~ ':constvalue [0-9]+ \\[[-0-9 ]* 46 [-0-9 ]*\\]'`;

/** Each part reads what is stored and prints it only where it has such a constant. */
const definitions = (has: TreeCondition): string => `WITH namespaces AS MATERIALIZED (
    SELECT oid, nspname::text AS name FROM pg_namespace
     WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND ($1::text[] IS NULL OR nspname = ANY ($1))
       AND nspname <> ALL ($2::text[])
  )
  SELECT pg_describe_object('pg_attrdef'::regclass, d.oid, 0) AS object, n.name AS namespace, 'expression' AS kind,
         pg_get_expr(d.adbin, d.adrelid) AS text
    FROM namespaces n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_attrdef d ON d.adrelid = c.oid
   WHERE ${has('d.adbin')}
  UNION ALL
  SELECT pg_describe_object('pg_class'::regclass, c.oid, 0), n.name, 'statement', pg_get_viewdef(c.oid)
    FROM namespaces n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_rewrite r ON r.ev_class = c.oid
   WHERE r.rulename = '_RETURN' AND ${has('r.ev_action')}
  UNION ALL
  SELECT pg_describe_object('pg_rewrite'::regclass, r.oid, 0), n.name, 'statement', pg_get_ruledef(r.oid)
    FROM namespaces n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_rewrite r ON r.ev_class = c.oid
   WHERE r.rulename <> '_RETURN' AND (${has('r.ev_action')} OR ${has('r.ev_qual')})
  UNION ALL
  SELECT pg_describe_object('pg_policy'::regclass, p.oid, 0), n.name, 'expression',
         concat_ws(' AND ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM namespaces n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_policy p ON p.polrelid = c.oid
   WHERE ${has('p.polqual')} OR ${has('p.polwithcheck')}
  UNION ALL
  SELECT pg_describe_object('pg_trigger'::regclass, t.oid, 0), n.name, 'statement', pg_get_triggerdef(t.oid)
    FROM namespaces n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_trigger t ON t.tgrelid = c.oid
   WHERE NOT t.tgisinternal AND (t.tgnargs > 0 OR ${has('t.tgqual')})
  UNION ALL
  SELECT pg_describe_object('pg_constraint'::regclass, k.oid, 0), n.name, 'expression', pg_get_expr(k.conbin, k.conrelid)
    FROM namespaces n JOIN pg_constraint k ON k.connamespace = n.oid
   WHERE k.contype = 'c' AND ${has('k.conbin')}
  UNION ALL
  SELECT pg_describe_object('pg_class'::regclass, i.indexrelid, 0), n.name, 'statement', pg_get_indexdef(i.indexrelid)
    FROM namespaces n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_index i ON i.indexrelid = c.oid
   WHERE ${has('i.indexprs')} OR ${has('i.indpred')}
  UNION ALL
  SELECT pg_describe_object('pg_type'::regclass, t.oid, 0), n.name, 'expression', pg_get_expr(t.typdefaultbin, 0)
    FROM namespaces n JOIN pg_type t ON t.typnamespace = n.oid WHERE ${has('t.typdefaultbin')}
  UNION ALL
  SELECT pg_describe_object('pg_class'::regclass, c.oid, 0), n.name, 'expression', quote_literal(o.option_value)
    FROM namespaces n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_foreign_table f ON f.ftrelid = c.oid,
         LATERAL pg_options_to_table(f.ftoptions) o
   WHERE o.option_name = 'schema_name'`;

/** Settings of roles and of this database: `ALTER ROLE … SET`, `ALTER DATABASE … SET`. */
export async function readSettings(client: Client): Promise<{ object: string; settings: string[] }[]> {
  const { rows } = await client.query<{ object: string; settings: string[] }>(
    `SELECT concat_ws(' in ', 'role ' || quote_ident(r.rolname), 'database ' || quote_ident(d.datname)) AS object,
            s.setconfig AS settings
       FROM pg_db_role_setting s
       LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
      WHERE s.setdatabase = 0 OR d.datname = current_database()
      ORDER BY 1`,
  );
  return rows;
}
