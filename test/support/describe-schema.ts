import { type Client, escapeIdentifier } from 'pg';

/**
 * What the catalog says about a schema, one line for each fact, without the schema's own name: two schemas of the same
 * structure give the same lines.
 */
export async function describeSchema(client: Client, schema: string): Promise<string[]> {
  const quoted = escapeIdentifier(schema);
  // The server puts quotes around the name where it must, also within a literal.
  const prefixes = [`${schema}.`, `${quoted}.`, `${quoted.replaceAll("'", "''")}.`];
  const anonymous = (text: string): string =>
    prefixes.reduce((all, prefix) => all.replaceAll(prefix, '<schema>.'), text);
  const lines: string[] = [];
  await client.query(`SET search_path = ''`);
  for (const [kind, sql] of Object.entries(FACTS)) {
    const { rows } = await client.query<{ fact: string }>(sql, [schema]);
    lines.push(...rows.map(({ fact }) => `${kind}: ${anonymous(fact)}`).sort());
  }
  return lines;
}

const NS = `(SELECT oid FROM pg_namespace WHERE nspname = $1)`;
const ACL = (acl: string): string =>
  `(SELECT string_agg(item::text, ',' ORDER BY item::text) FROM unnest(${acl}) item)`;
const ABOUT = (catalog: string, oid: string): string => `obj_description(${oid}, '${catalog}')`;

const FACTS: Record<string, string> = {
  schema: `SELECT concat_ws('|', nspowner::regrole, ${ACL(`coalesce(nspacl, acldefault('n', nspowner))`)}, ${ABOUT('pg_namespace', 'oid')}) AS fact FROM pg_namespace WHERE nspname = $1`,
  defaults: `SELECT concat_ws('|', defaclrole::regrole, defaclobjtype, ${ACL('defaclacl')}) AS fact FROM pg_default_acl WHERE defaclnamespace = ${NS}`,
  relation: `SELECT concat_ws('|', relname, relkind, relowner::regrole, relpersistence, reloptions, relrowsecurity, relforcerowsecurity,
      relreplident, relispartition, relispopulated, pg_get_expr(relpartbound, oid), pg_get_partkeydef(oid), ${ACL(`coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))`)}, ${ABOUT('pg_class', 'oid')},
      (SELECT string_agg(inhparent::regclass::text, ',') FROM pg_inherits WHERE inhrelid = c.oid)) AS fact
    FROM pg_class c WHERE relnamespace = ${NS} AND relkind <> 'c'`,
  column: `SELECT concat_ws('|', c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
      a.attcollation::regcollation, a.attstorage, a.attstattarget, pg_get_expr(d.adbin, d.adrelid), ${ACL('a.attacl')}, col_description(c.oid, a.attnum)) AS fact
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = ${NS} AND a.attnum > 0 AND NOT a.attisdropped`,
  constraint: `SELECT concat_ws('|', conname, conrelid::regclass, contypid::regtype, pg_get_constraintdef(oid), convalidated, condeferred, ${ABOUT('pg_constraint', 'oid')}) AS fact
    FROM pg_constraint WHERE connamespace = ${NS}`,
  index: `SELECT concat_ws('|', pg_get_indexdef(indexrelid), indisclustered, indisreplident, ${ABOUT('pg_class', 'indexrelid')}) AS fact
    FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE c.relnamespace = ${NS}`,
  view: `SELECT c.relname || pg_get_viewdef(c.oid) AS fact FROM pg_class c WHERE relnamespace = ${NS} AND relkind IN ('v', 'm')`,
  rule: `SELECT pg_get_ruledef(r.oid) AS fact FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE c.relnamespace = ${NS}`,
  function: `SELECT concat_ws('|', CASE WHEN prokind = 'a' THEN oid::regprocedure::text ELSE pg_get_functiondef(oid) END, proowner::regrole, ${ACL(`coalesce(proacl, acldefault('f', proowner))`)}, ${ABOUT('pg_proc', 'oid')}) AS fact
    FROM pg_proc WHERE pronamespace = ${NS}`,
  trigger: `SELECT concat_ws('|', pg_get_triggerdef(t.oid), tgenabled, ${ABOUT('pg_trigger', 't.oid')}) AS fact
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = ${NS} AND NOT tgisinternal`,
  policy: `SELECT concat_ws('|', c.relname, polname, polcmd, polpermissive, polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) AS fact
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace = ${NS}`,
  type: `SELECT concat_ws('|', typname, typtype, typowner::regrole, typbasetype::regtype, typnotnull, typdefault, ${ACL(`coalesce(typacl, acldefault('T', typowner))`)}, ${ABOUT('pg_type', 't.oid')},
      (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)) AS fact
    FROM pg_type t WHERE typnamespace = ${NS}`,
  sequence: `SELECT concat_ws('|', c.relname, seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle,
      (SELECT concat_ws('.', d.refobjid::regclass, a.attname, d.deptype) FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0)) AS fact
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid WHERE c.relnamespace = ${NS}`,
  statistics: `SELECT pg_get_statisticsobjdef(oid) AS fact FROM pg_statistic_ext WHERE stxnamespace = ${NS}`,
};

/** All rows of all tables (and of materialized views that were filled) and the state of all sequences, as text by relation. */
export async function readRows(client: Client, schema: string): Promise<Record<string, string[]>> {
  await client.query(`SET search_path = ''`);
  const { rows } = await client.query<{ name: string; kind: string }>(
    `SELECT relname AS name, relkind AS kind FROM pg_class WHERE relnamespace = ${NS} AND relkind IN ('r', 'm', 'S') AND relispopulated ORDER BY 1`,
    [schema],
  );
  const found: Record<string, string[]> = {};
  for (const { name, kind } of rows) {
    const what = kind === 'S' ? `concat_ws('|', last_value, is_called)` : 't::text';
    const from = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
    const answer = await client.query<{ line: string }>(`SELECT ${what} AS line FROM ${from} t ORDER BY 1`);
    found[name] = answer.rows.map(({ line }) => line);
  }
  return found;
}
