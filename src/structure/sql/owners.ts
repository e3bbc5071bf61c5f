import type { Section } from './section.js';

/** An access list as its entries; the absent one is what PostgreSQL takes for it. */
const ACL = (list: string, kind: string, owner: string): string =>
  `(SELECT jsonb_agg(entry::text ORDER BY entry::text) FROM unnest(coalesce(${list}, acldefault(${kind}, ${owner}))) AS entry)`;

/** Who owns what, and who may do what with it: a level of its own, for tenants may have roles of their own. */
export const OWNER_SECTIONS: readonly Section[] = [
  {
    kind: `'owner'`,
    object: `'schema'`,
    parts: { of: `'SCHEMA'`, owner: 'pg_get_userbyid(n.nspowner)', grants: ACL('n.nspacl', `'n'`, 'n.nspowner') },
    from: 'pg_namespace n WHERE n.oid = s.oid',
  },
  {
    kind: `'owner'`,
    object: 'quote_ident(c.relname)',
    parent: 'quote_ident(c.relname)',
    parts: {
      of: `CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END`,
      owner: 'pg_get_userbyid(c.relowner)',
      grants: ACL('c.relacl', `CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char"`, 'c.relowner'),
      columnGrants: `(SELECT jsonb_object_agg(a.attname, (SELECT jsonb_agg(entry::text ORDER BY entry::text) FROM unnest(a.attacl) AS entry))
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attacl IS NOT NULL)`,
    },
    from: 'unnest(s.rels) AS u (oid) JOIN pg_class c ON c.oid = u.oid',
  },
  {
    kind: `'owner'`,
    object: `quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')'`,
    parts: {
      of: `CASE p.prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END`,
      owner: 'pg_get_userbyid(p.proowner)',
      grants: ACL('p.proacl', `'f'`, 'p.proowner'),
    },
    from: 'unnest(s.procs) AS u (oid) JOIN pg_proc p ON p.oid = u.oid',
  },
  {
    kind: `'owner'`,
    object: 'quote_ident(t.typname)',
    parts: { of: `'TYPE'`, owner: 'pg_get_userbyid(t.typowner)', grants: ACL('t.typacl', `'T'`, 't.typowner') },
    from: 'unnest(s.types) AS u (oid) JOIN pg_type t ON t.oid = u.oid',
  },
  {
    kind: `'default privileges'`,
    object: `pg_get_userbyid(d.defaclrole) || ' ' || d.defaclobjtype::text`,
    parts: { grants: `(SELECT jsonb_agg(entry::text ORDER BY entry::text) FROM unnest(d.defaclacl) AS entry)` },
    from: 'pg_default_acl d WHERE d.defaclnamespace = s.oid',
  },
];
