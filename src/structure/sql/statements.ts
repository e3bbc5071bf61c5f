import { CODE_SECTIONS } from './code.js';
import { OWNER_SECTIONS } from './owners.js';
import { RELATION_SECTIONS } from './relations.js';
import { toQuery } from './section.js';

/** What a fingerprint covers: definitions, or owners and grants as well. */
export type Level = 'structure' | 'owners';

/**
 * How the schema's own name is kept out: PostgreSQL's functions that write definitions (`pg_get_viewdef`, `format_type` …) leave out
 * the schema of what the search path finds. So the path is set to the schema while the statement runs, one schema after the other. All
 * names of the statement itself were resolved before, under the empty path, so nothing that stands in a tenant's schema is called.
 */
const ENTER = `(SELECT set_config('search_path', quote_ident(w.schema), true) AS path) AS path`;

/**
 * The objects of the wanted schemas are collected in one pass over each catalog, which have no index by schema. They are handed on
 * only once the path is set.
 */
const FOUND = `
  WITH wanted AS MATERIALIZED (
    SELECT n.oid, n.nspname::text AS schema FROM pg_namespace n WHERE n.nspname = ANY ($1::text[]::name[])
  ), rels AS MATERIALIZED (
    SELECT c.relnamespace AS ns, array_agg(c.oid) AS oids FROM pg_class c
     WHERE c.relnamespace IN (SELECT oid FROM wanted) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') GROUP BY 1
  ), procs AS MATERIALIZED (
    SELECT p.pronamespace AS ns, array_agg(p.oid) AS oids FROM pg_proc p WHERE p.pronamespace IN (SELECT oid FROM wanted) GROUP BY 1
  ), types AS MATERIALIZED (
    SELECT t.typnamespace AS ns, array_agg(t.oid) AS oids FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
     WHERE t.typnamespace IN (SELECT oid FROM wanted) AND (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c')
        OR (t.typtype = 'b' AND t.typcategory <> 'A')) GROUP BY 1
  ), found AS MATERIALIZED (
    SELECT w.oid, w.schema, r.oids AS rels, p.oids AS procs, t.oids AS types
      FROM wanted w LEFT JOIN rels r ON r.ns = w.oid LEFT JOIN procs p ON p.ns = w.oid LEFT JOIN types t ON t.ns = w.oid
  )`;

const INSIDE = `${ENTER}, LATERAL (SELECT w.oid, w.schema, CASE WHEN path.path IS NOT NULL THEN w.rels END AS rels,
    CASE WHEN path.path IS NOT NULL THEN w.procs END AS procs, CASE WHEN path.path IS NOT NULL THEN w.types END AS types OFFSET 0) AS s`;

/**
 * One digest for each schema of `$1`; schemas that do not exist have no row.
 *
 * @param version `server_version_num`
 */
export function digestsStatement(level: Level, version: number): string {
  return `${FOUND}
    SELECT w.schema, (
      SELECT encode(sha256(textsend(coalesce(string_agg(line, E'\\n' ORDER BY line COLLATE "C"), ''))), 'hex')
        FROM ${INSIDE}, LATERAL (SELECT concat_ws(' ', kind, object, parts::text) AS line FROM (${items(level, version)}) AS i) AS lines
    ) AS fingerprint FROM found w`;
}

/** Everything about the schemas of `$1`: kind, object, parent and parts of each object. */
export function itemsStatement(level: Level, version: number): string {
  return `${FOUND} SELECT w.schema, i.* FROM found w, LATERAL (
      SELECT i.kind, i.object, i.parent, i.parts FROM ${INSIDE}, LATERAL (${items(level, version)}) AS i OFFSET 0
    ) AS i ORDER BY w.schema, i.kind COLLATE "C", i.object COLLATE "C"`;
}

function items(level: Level, version: number): string {
  const sections = [...RELATION_SECTIONS, ...CODE_SECTIONS, ...(level === 'owners' ? OWNER_SECTIONS : [])];
  return sections.map((section) => toQuery(section, version)).join('\nUNION ALL\n');
}
