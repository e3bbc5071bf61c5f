import type { Client } from 'pg';

/** Longest list of warnings; the last one says how many more there are. */
const MOST = 20;

/**
 * What names a schema by text, and so does not follow when it is renamed or cloned: functions whose body or `SET
 * search_path` names it, and settings of roles and databases. Views, policies, defaults and constraints point at objects,
 * not at names.
 *
 * A body is searched for the name before a dot, or as a whole string or setting: what is put together at run time is not
 * found, and a table of the same name as the schema can be taken for it.
 *
 * @param options.within the schema whose functions are looked at; all are when it is left out, and settings, too.
 * @returns one sentence for each.
 */
export async function findTextReferences(
  client: Client,
  schema: string,
  options: { within?: string } = {},
): Promise<string[]> {
  const { rows } = await client.query<{ place: string; how: 'body' | 'setting' }>(QUERY, [
    patternOf(schema),
    options.within ?? null,
  ]);
  const sentences = rows.map(({ place, how }) =>
    how === 'body'
      ? `The body of ${place} names the schema "${schema}".`
      : `A setting of ${place} names the schema "${schema}".`,
  );
  if (sentences.length <= MOST) return sentences;
  return [...sentences.slice(0, MOST), `${sentences.length - MOST} more functions or settings name it.`];
}

const QUERY = `SELECT pg_describe_object('pg_proc'::regclass, p.oid, 0) AS place,
                      CASE WHEN p.prosrc ~ $1 THEN 'body' ELSE 'setting' END AS how
                 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
                  AND ($2::text IS NULL OR n.nspname = $2)
                  AND (p.prosrc ~ $1 OR array_to_string(p.proconfig, E'\\n') ~ $1)
                UNION ALL
               SELECT concat_ws(' in ', 'role ' || quote_ident(r.rolname), 'database ' || quote_ident(d.datname)), 'setting'
                 FROM pg_db_role_setting s
                 LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
                WHERE $2::text IS NULL AND array_to_string(s.setconfig, E'\\n') ~ $1
                  AND (s.setdatabase = 0 OR d.datname = current_database())
                ORDER BY 1`;

/**
 * A regular expression of PostgreSQL's advanced kind: the name before a dot, as a whole string, or in a search path.
 * Without quotes a name is folded to lower case, so that only one of small letters can be meant.
 */
function patternOf(schema: string): string {
  const quoted = `"${escape(schema.replaceAll('"', '""'))}"`;
  const plain = /^[a-z_][a-z0-9_]*$/.test(schema) ? `|${caseless(schema)}` : '';
  const name = `(${quoted}${plain})`;
  const text = escape(schema.replaceAll("'", "''"));
  return [
    String.raw`(^|[^\w$".])${name}\s*\.`,
    `'"?${text}"?'`,
    String.raw`search_path[^;\n]*[\s,='"](${name}|${text})([\s,'";]|$)`,
  ].join('|');
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.|?*+()[\]{}]/g, String.raw`\$&`);
}

/** PostgreSQL's expressions cannot ignore case in a part of them. */
function caseless(name: string): string {
  return name.replaceAll(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
}
