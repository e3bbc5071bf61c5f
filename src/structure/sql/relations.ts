import { comment, sameForm, type Section } from './section.js';

/** Tables, views, sequences and what belongs to them. `s.rels` has the relations of the schema. */
const RELATIONS = `unnest(s.rels) AS u (oid) JOIN pg_class c ON c.oid = u.oid`;
const NAME = 'quote_ident(c.relname)';
const CHILD = (name: string): string => `${NAME} || '.' || quote_ident(${name})`;
const OPTIONS = (relation: string): string =>
  `(SELECT jsonb_agg(o ORDER BY o) FROM unnest(${relation}.reloptions) AS o)`;
const TABLESPACE = (relation: string): string =>
  `(SELECT spcname FROM pg_tablespace WHERE oid = ${relation}.reltablespace)`;

const tables: Section = {
  kind: `CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END`,
  object: NAME,
  parts: {
    kind: `CASE c.relkind WHEN 'p' THEN 'partitioned' WHEN 'm' THEN 'materialized' WHEN 'f' THEN 'foreign' END`,
    columns: `CASE WHEN c.relkind NOT IN ('v', 'm') THEN
      (SELECT jsonb_agg(attname ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) END`,
    persistence: `CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' END`,
    definition: `CASE WHEN c.relkind IN ('v', 'm') THEN ${sameForm('pg_get_viewdef(c.oid)')} END`,
    partitionKey: `CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END`,
    bound: 'pg_get_expr(c.relpartbound, c.oid)',
    inherits: `CASE WHEN c.relkind NOT IN ('v', 'm') THEN
      (SELECT jsonb_agg(inhparent::regclass::text ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = c.oid) END`,
    options: OPTIONS('c'),
    toastOptions: `(SELECT jsonb_agg(o ORDER BY o) FROM pg_class t, unnest(t.reloptions) AS o WHERE t.oid = c.reltoastrelid)`,
    tablespace: TABLESPACE('c'),
    accessMethod: `(SELECT amname FROM pg_am WHERE oid = c.relam AND amname <> 'heap')`,
    rowSecurity: 'nullif(c.relrowsecurity, false)',
    forceRowSecurity: 'nullif(c.relforcerowsecurity, false)',
    replicaIdentity: `CASE WHEN c.relkind IN ('r', 'p', 'm') THEN CASE c.relreplident WHEN 'n' THEN 'NOTHING' WHEN 'f' THEN 'FULL'
      WHEN 'i' THEN 'USING INDEX ' || (SELECT quote_ident(ic.relname) FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid
        WHERE i.indrelid = c.oid AND i.indisreplident) END END`,
    ofType: 'CASE WHEN c.reloftype <> 0 THEN c.reloftype::regtype::text END',
    server: `CASE WHEN c.relkind = 'f' THEN (SELECT quote_ident(srvname) || coalesce(' ' || ftoptions::text, '')
      FROM pg_foreign_table f JOIN pg_foreign_server v ON v.oid = f.ftserver WHERE f.ftrelid = c.oid) END`,
    comment: comment('c.oid', 'pg_class'),
  },
  from: `${RELATIONS} WHERE c.relkind <> 'S'`,
};

/** The sequence of an identity column belongs to the column. */
const SEQUENCE_PARTS = `'type', format_type(q.seqtypid, NULL), 'start', q.seqstart::text, 'increment', q.seqincrement::text,
  'min', q.seqmin::text, 'max', q.seqmax::text, 'cache', q.seqcache::text, 'cycle', nullif(q.seqcycle, false)`;

const columns: Section = {
  kind: `'column'`,
  object: CHILD('a.attname'),
  parent: NAME,
  parts: {
    name: 'a.attname',
    type: 'format_type(a.atttypid, a.atttypmod)',
    collation: 'CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END',
    notNull: 'nullif(a.attnotnull, false)',
    notNullKind: {
      since: 180_000,
      sql: `(SELECT CASE WHEN NOT k.convalidated THEN 'NOT VALID' WHEN k.connoinherit THEN 'NO INHERIT' END FROM pg_constraint k
        WHERE k.conrelid = c.oid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum])`,
    },
    default: `CASE WHEN a.attgenerated = '' THEN ${sameForm('pg_get_expr(d.adbin, d.adrelid)')} END`,
    generated: `CASE WHEN a.attgenerated <> '' THEN ${sameForm('pg_get_expr(d.adbin, d.adrelid)')} END`,
    generatedKind: `CASE a.attgenerated WHEN 's' THEN 'STORED' WHEN 'v' THEN 'VIRTUAL' END`,
    identity: `CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END`,
    sequence: `CASE WHEN a.attidentity <> '' THEN (SELECT jsonb_build_object('name', quote_ident(sc.relname), ${SEQUENCE_PARTS})
      FROM pg_depend e JOIN pg_class sc ON sc.oid = e.objid JOIN pg_sequence q ON q.seqrelid = sc.oid
      WHERE e.classid = 'pg_class'::regclass AND e.refclassid = 'pg_class'::regclass AND e.refobjid = c.oid
        AND e.refobjsubid = a.attnum AND e.deptype = 'i') END`,
    storage: 'CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage::text END',
    compression: { since: 140_000, sql: `nullif(a.attcompression::text, '')` },
    statistics: 'CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END',
    // `pg_attver` is a counter of the server's own, in minor releases of 2026.
    options: `(SELECT jsonb_agg(o ORDER BY o) FROM unnest(a.attoptions || a.attfdwoptions) AS o WHERE NOT starts_with(o, 'pg_attver='))`,
    inherited: 'CASE WHEN NOT a.attislocal THEN true END',
    comment: 'col_description(c.oid, a.attnum)',
  },
  from: `${RELATIONS} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relkind IN ('r', 'p', 'f')
       OR (c.relkind IN ('v', 'm') AND (d.oid IS NOT NULL OR a.attstattarget >= 0 OR col_description(c.oid, a.attnum) IS NOT NULL))`,
};

/** What a parent table hands down to a partition is the parent's. NOT NULL belongs to the column: its names are generated. */
const constraints: Section = {
  kind: `'constraint'`,
  object: CHILD('k.conname'),
  parent: NAME,
  parts: {
    name: 'quote_ident(k.conname)',
    table: NAME,
    definition: sameForm('pg_get_constraintdef(k.oid)'),
    inherited: 'CASE WHEN NOT k.conislocal THEN true END',
    options: `CASE WHEN k.contype <> 'f' THEN ${OPTIONS('ic')} END`,
    tablespace: `CASE WHEN k.contype <> 'f' THEN ${TABLESPACE('ic')} END`,
    clustered: `CASE WHEN k.contype <> 'f' THEN nullif(i.indisclustered, false) END`,
    invalid: `CASE WHEN k.contype <> 'f' AND NOT i.indisvalid THEN true END`,
    comment: comment('k.oid', 'pg_constraint'),
  },
  from: `${RELATIONS} JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('p', 'u', 'f', 'c', 'x') AND k.conparentid = 0
    LEFT JOIN pg_index i ON i.indexrelid = k.conindid LEFT JOIN pg_class ic ON ic.oid = k.conindid`,
};

const indexes: Section = {
  kind: `'index'`,
  object: 'quote_ident(ic.relname)',
  parent: NAME,
  parts: {
    definition: sameForm('pg_get_indexdef(i.indexrelid, 0, true)'),
    table: NAME,
    invalid: 'CASE WHEN NOT i.indisvalid THEN true END',
    clustered: 'nullif(i.indisclustered, false)',
    tablespace: TABLESPACE('ic'),
    partOf: '(SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = i.indexrelid)',
    statistics: `(SELECT jsonb_object_agg(attnum, attstattarget) FROM pg_attribute WHERE attrelid = i.indexrelid AND attstattarget >= 0)`,
    comment: comment('i.indexrelid', 'pg_class'),
  },
  from: `${RELATIONS} JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class ic ON ic.oid = i.indexrelid
    WHERE NOT EXISTS (SELECT FROM pg_constraint k
      WHERE k.conrelid = c.oid AND k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))`,
};

const sequences: Section = {
  kind: `'sequence'`,
  object: NAME,
  parent: 'o.owner',
  parts: {
    sequence: `jsonb_strip_nulls(jsonb_build_object(${SEQUENCE_PARTS}))`,
    ownedBy: `o.owner || '.' || o.attribute`,
    persistence: `CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' END`,
    comment: comment('c.oid', 'pg_class'),
  },
  from: `${RELATIONS} JOIN pg_sequence q ON q.seqrelid = c.oid
    LEFT JOIN LATERAL (SELECT e.deptype, e.refobjid::regclass::text AS owner, quote_ident(a.attname) AS attribute FROM pg_depend e
      JOIN pg_attribute a ON a.attrelid = e.refobjid AND a.attnum = e.refobjsubid
      WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.refclassid = 'pg_class'::regclass AND e.deptype IN ('a', 'i')
      LIMIT 1) o ON true
    WHERE c.relkind = 'S' AND o.deptype IS DISTINCT FROM 'i'`,
};

/** The triggers of a partition are its parent's, unless they are enabled otherwise. */
const triggers: Section = {
  kind: `'trigger'`,
  object: CHILD('g.tgname'),
  parent: NAME,
  parts: {
    name: 'quote_ident(g.tgname)',
    table: NAME,
    definition: sameForm('pg_get_triggerdef(g.oid, true)'),
    enabled: `CASE g.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' END`,
    comment: comment('g.oid', 'pg_trigger'),
  },
  from: `${RELATIONS} JOIN pg_trigger g ON g.tgrelid = c.oid AND NOT g.tgisinternal
    LEFT JOIN pg_trigger above ON above.oid = g.tgparentid
    WHERE above.oid IS NULL OR above.tgenabled <> g.tgenabled`,
};

const rules: Section = {
  kind: `'rule'`,
  object: CHILD('w.rulename'),
  parent: NAME,
  parts: {
    name: 'quote_ident(w.rulename)',
    table: NAME,
    definition: sameForm('pg_get_ruledef(w.oid, true)'),
    enabled: `CASE w.ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' END`,
    comment: comment('w.oid', 'pg_rewrite'),
  },
  from: `${RELATIONS} JOIN pg_rewrite w ON w.ev_class = c.oid AND w.rulename <> '_RETURN'`,
};

const policies: Section = {
  kind: `'policy'`,
  object: CHILD('p.polname'),
  parent: NAME,
  parts: {
    name: 'quote_ident(p.polname)',
    table: NAME,
    command: `CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END`,
    restrictive: 'CASE WHEN NOT p.polpermissive THEN true END',
    roles: `(SELECT jsonb_agg(role ORDER BY role) FROM (SELECT CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END AS role
      FROM unnest(p.polroles) AS r) roles)`,
    using: sameForm('pg_get_expr(p.polqual, p.polrelid)'),
    check: sameForm('pg_get_expr(p.polwithcheck, p.polrelid)'),
    comment: comment('p.oid', 'pg_policy'),
  },
  from: `${RELATIONS} JOIN pg_policy p ON p.polrelid = c.oid`,
};

/** `CREATE STATISTICS` is the only definition that PostgreSQL writes with its own schema whatever the search path is. */
const statistics: Section = {
  kind: `'statistics'`,
  object: 'quote_ident(e.stxname)',
  parent: NAME,
  parts: {
    definition: `regexp_replace(pg_get_statisticsobjdef(e.oid), '^CREATE STATISTICS ("(""|[^"])*"|[^."]+)\\.', 'CREATE STATISTICS ')`,
    target: 'CASE WHEN e.stxstattarget >= 0 THEN e.stxstattarget END',
    comment: comment('e.oid', 'pg_statistic_ext'),
  },
  from: `${RELATIONS} JOIN pg_statistic_ext e ON e.stxrelid = c.oid`,
};

export const RELATION_SECTIONS: readonly Section[] = [
  tables,
  columns,
  constraints,
  indexes,
  sequences,
  triggers,
  rules,
  policies,
  statistics,
];
