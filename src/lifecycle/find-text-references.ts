import type { Client } from 'pg';

/** Maximum number of warnings; one more says how many were left out. */
const MOST = 20;

/**
 * Finds what mentions a schema by name in text and therefore does not follow when it is renamed or cloned: functions whose
 * body or `SET search_path` mentions it, and settings of roles and databases. Views, policies, defaults and constraints
 * refer to objects, not names.
 *
 * A body is searched for the name before a dot, or as a whole string or setting. Names that are assembled at run time are
 * not found, and a table with the same name as the schema can be mistaken for it.
 *
 * @param options.within the schema whose functions are searched. Default: all functions, and settings too.
 * @returns a sentence for each.
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
      ? `The body of ${place} mentions the schema "${schema}".`
      : `A setting of ${place} mentions the schema "${schema}".`,
  );
  if (sentences.length <= MOST) return sentences;
  return [...sentences.slice(0, MOST), `${sentences.length - MOST} more functions or settings mention it.`];
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
 * A PostgreSQL regular expression (ARE): the name before a dot, as a whole string, or in a search path. An unquoted name is
 * folded to lower case, so without quotes only a lower-case name matches.
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

/** PostgreSQL's regular expressions cannot ignore case in only a part of them. */
function caseless(name: string): string {
  return name.replaceAll(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
}
