import { comment, sameForm, type Section } from './section.js';

/** Functions and types. `s.procs` and `s.types` have those of the schema. */
const FUNCTIONS = 'unnest(s.procs) AS u (oid) JOIN pg_proc p ON p.oid = u.oid';
const SIGNATURE = `quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')'`;

/**
 * The settings of a function. Its own schema in a search path is the same as any other tenant's, and so are quotes around a simple
 * name: `SET … FROM CURRENT` keeps the path as it was written.
 */
const UNQUOTED = (list: string): string => `regexp_replace(${list}, '"([a-z_][a-z0-9_]*)"', '\\1', 'g')`;
const PATH = `replace(', ' || ${UNQUOTED('substr(o, 13)')} || ', ', ', ' || ${UNQUOTED('quote_ident(s.schema)')} || ', ', ', (its own schema), ')`;
const SETTINGS = `(SELECT jsonb_agg(CASE WHEN starts_with(o, 'search_path=') THEN 'search_path=' || btrim(${PATH}, ', ') ELSE o END ORDER BY o)
  FROM unnest(p.proconfig) AS o)`;

const functions: Section = {
  kind: `CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END`,
  object: SIGNATURE,
  parts: {
    name: 'quote_ident(p.proname)',
    arguments: 'pg_get_function_arguments(p.oid)',
    result: `CASE WHEN p.prokind <> 'p' THEN pg_get_function_result(p.oid) END`,
    language: '(SELECT quote_ident(lanname) FROM pg_language WHERE oid = p.prolang)',
    window: `CASE WHEN p.prokind = 'w' THEN true END`,
    body: `nullif(p.prosrc, '')`,
    library: `p.probin::text`,
    sqlBody: { since: 140_000, sql: 'pg_get_function_sqlbody(p.oid)' },
    volatility: `CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' END`,
    strict: 'nullif(p.proisstrict, false)',
    securityDefiner: 'nullif(p.prosecdef, false)',
    leakproof: 'nullif(p.proleakproof, false)',
    parallel: `CASE p.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' END`,
    cost: 'CASE WHEN p.procost NOT IN (1, 100) THEN p.procost END',
    rows: 'nullif(p.prorows, 0)',
    support: `CASE WHEN p.prosupport <> 0 THEN p.prosupport::text END`,
    transforms: '(SELECT jsonb_agg(t::regtype::text) FROM unnest(p.protrftypes) AS t)',
    settings: SETTINGS,
    comment: comment('p.oid', 'pg_proc'),
  },
  from: `${FUNCTIONS} WHERE p.prokind IN ('f', 'p', 'w')`,
};

const NOT_NONE = (column: string, kind: 'regprocedure' | 'regoperator' = 'regprocedure'): string =>
  `CASE WHEN g.${column} <> 0 THEN g.${column}::${kind}::text END`;

const aggregates: Section = {
  kind: `'aggregate'`,
  object: SIGNATURE,
  parts: {
    arguments: 'pg_get_function_arguments(p.oid)',
    kind: 'g.aggkind::text',
    step: NOT_NONE('aggtransfn'),
    state: 'format_type(g.aggtranstype, NULL)',
    final: NOT_NONE('aggfinalfn'),
    combine: NOT_NONE('aggcombinefn'),
    serialize: NOT_NONE('aggserialfn'),
    deserialize: NOT_NONE('aggdeserialfn'),
    movingStep: NOT_NONE('aggmtransfn'),
    movingInverse: NOT_NONE('aggminvtransfn'),
    movingFinal: NOT_NONE('aggmfinalfn'),
    initial: 'g.agginitval',
    movingInitial: 'g.aggminitval',
    sort: NOT_NONE('aggsortop', 'regoperator'),
    parallel: `CASE p.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' END`,
    comment: comment('p.oid', 'pg_proc'),
  },
  from: `${FUNCTIONS} JOIN pg_aggregate g ON g.aggfnoid = p.oid`,
};

const types: Section = {
  kind: `'type'`,
  object: 'quote_ident(t.typname)',
  parts: {
    kind: `CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite' WHEN 'r' THEN 'range' ELSE 'base' END`,
    labels: `CASE WHEN t.typtype = 'e' THEN (SELECT jsonb_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid) END`,
    base: `CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END`,
    collation: `CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation THEN t.typcollation::regcollation::text END`,
    default: `CASE WHEN t.typtype = 'd' THEN coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault) END`,
    notNull: 'nullif(t.typnotnull, false)',
    checks: `CASE WHEN t.typtype = 'd' THEN (SELECT jsonb_object_agg(quote_ident(k.conname), ${sameForm('pg_get_constraintdef(k.oid)')})
      FROM pg_constraint k WHERE k.conrelid = 0 AND k.contypid = t.oid AND k.contype = 'c') END`,
    attributes: `CASE WHEN t.typtype = 'c' THEN (SELECT jsonb_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
        || CASE WHEN a.attcollation <> y.typcollation THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END ORDER BY a.attnum)
      FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
      WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) END`,
    range: `CASE WHEN t.typtype = 'r' THEN (SELECT jsonb_strip_nulls(jsonb_build_object('subtype', format_type(r.rngsubtype, NULL),
        'collation', CASE WHEN r.rngcollation <> 0 THEN r.rngcollation::regcollation::text END,
        'operatorClass', (SELECT opcname FROM pg_opclass WHERE oid = r.rngsubopc),
        'canonical', CASE WHEN r.rngcanonical <> 0 THEN r.rngcanonical::text END,
        'difference', CASE WHEN r.rngsubdiff <> 0 THEN r.rngsubdiff::text END))
      FROM pg_range r WHERE r.rngtypid = t.oid) END`,
    input: `CASE WHEN t.typtype = 'b' THEN t.typinput::text || ' ' || t.typoutput::text END`,
    comment: comment('t.oid', 'pg_type'),
  },
  from: `unnest(s.types) AS u (oid) JOIN pg_type t ON t.oid = u.oid LEFT JOIN pg_type b ON b.oid = t.typbasetype`,
};

/** What few schemas have; the catalogs are small, and their rows are taken as they are. */
const rare: readonly Section[] = [
  {
    kind: `'collation'`,
    object: 'quote_ident(o.collname)',
    parts: {
      row: `to_jsonb(o) - ARRAY['oid', 'collname', 'collnamespace', 'collowner', 'collversion']`,
      comment: comment('o.oid', 'pg_collation'),
    },
    from: 'pg_collation o WHERE o.collnamespace = s.oid',
  },
  {
    kind: `'operator'`,
    object: `o.oprname || '(' || format_type(nullif(o.oprleft, 0), NULL) || ', ' || format_type(o.oprright, NULL) || ')'`,
    parts: {
      function: 'o.oprcode::text',
      commutator: 'CASE WHEN o.oprcom <> 0 THEN o.oprcom::regoperator::text END',
      negator: 'CASE WHEN o.oprnegate <> 0 THEN o.oprnegate::regoperator::text END',
      restrict: 'CASE WHEN o.oprrest <> 0 THEN o.oprrest::text END',
      join: 'CASE WHEN o.oprjoin <> 0 THEN o.oprjoin::text END',
      merges: 'nullif(o.oprcanmerge, false)',
      hashes: 'nullif(o.oprcanhash, false)',
      comment: comment('o.oid', 'pg_operator'),
    },
    from: 'pg_operator o WHERE o.oprnamespace = s.oid',
  },
  {
    kind: `'text search configuration'`,
    object: 'quote_ident(o.cfgname)',
    parts: {
      parser: '(SELECT prsname FROM pg_ts_parser WHERE oid = o.cfgparser)',
      mappings: `(SELECT jsonb_agg(m.maptokentype || ' ' || m.mapseqno || ' ' || m.mapdict::regdictionary ORDER BY m.maptokentype, m.mapseqno)
        FROM pg_ts_config_map m WHERE m.mapcfg = o.oid)`,
      comment: comment('o.oid', 'pg_ts_config'),
    },
    from: 'pg_ts_config o WHERE o.cfgnamespace = s.oid',
  },
  {
    kind: `'text search dictionary'`,
    object: 'quote_ident(o.dictname)',
    parts: {
      template: '(SELECT tmplname FROM pg_ts_template WHERE oid = o.dicttemplate)',
      options: 'o.dictinitoption',
      comment: comment('o.oid', 'pg_ts_dict'),
    },
    from: 'pg_ts_dict o WHERE o.dictnamespace = s.oid',
  },
  {
    kind: `'operator class'`,
    object: 'quote_ident(o.opcname)',
    parts: {
      method: '(SELECT amname FROM pg_am WHERE oid = o.opcmethod)',
      type: 'format_type(o.opcintype, NULL)',
      default: 'nullif(o.opcdefault, false)',
    },
    from: 'pg_opclass o WHERE o.opcnamespace = s.oid',
  },
];

export const CODE_SECTIONS: readonly Section[] = [functions, aggregates, types, ...rare];
