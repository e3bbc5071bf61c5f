import type { Client } from 'pg';

/**
 * Gives the objects of a copy exactly the grants that their originals have. A dump lists only what differs from the server's
 * built-in defaults, but new objects start with what `ALTER DEFAULT PRIVILEGES` has set for the whole database.
 */
export async function alignGrants(client: Client, source: string, copy: string): Promise<void> {
  const { rows } = await client.query<{ statement: string }>(DIFFERENCES, [source, copy]);
  for (const { statement } of rows) await client.query(statement);
}

/** Objects are matched by kind and name, functions also by their argument types (without the name of their own schema). */
const DIFFERENCES = `WITH objects AS (
    SELECT relnamespace AS namespace, CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, relname::text AS key,
           format('%I.%I', $2::text, relname) AS object,
           coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)) AS acl
      FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL
    SELECT pronamespace, 'ROUTINE', concat(proname, '(', (
             SELECT string_agg(concat(nullif(t.typnamespace, pronamespace), '.', t.typname), ',' ORDER BY a.position)
               FROM unnest(proargtypes) WITH ORDINALITY a (type, position) JOIN pg_type t ON t.oid = a.type), ')'),
           p.oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner))
      FROM pg_proc p
  UNION ALL
    SELECT typnamespace, 'TYPE', typname, format('%I.%I', $2::text, typname), coalesce(typacl, acldefault('T', typowner))
      FROM pg_type LEFT JOIN pg_class c ON c.oid = typrelid
     WHERE typtype IN ('b', 'd', 'e', 'r') AND typelem = 0 OR c.relkind = 'c'
  UNION ALL
    SELECT oid, 'SCHEMA', '', format('%I', $2::text), coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace
), pairs AS (
  SELECT copy.kind, copy.object, copy.acl AS is, source.acl AS wanted
    FROM objects copy JOIN objects source USING (kind, key)
   WHERE copy.namespace = (SELECT oid FROM pg_namespace WHERE nspname = $2)
     AND source.namespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND copy.acl IS DISTINCT FROM source.acl
), differences AS (
    SELECT 'REVOKE' AS verb, 'FROM' AS preposition, p.kind, p.object, x.*
      FROM pairs p, aclexplode(p.is) x
     WHERE NOT EXISTS (SELECT 1 FROM aclexplode(p.wanted) w
       WHERE (w.grantee, w.privilege_type, w.is_grantable) = (x.grantee, x.privilege_type, x.is_grantable))
  UNION ALL
    SELECT 'GRANT', 'TO', p.kind, p.object, x.*
      FROM pairs p, aclexplode(p.wanted) x
     WHERE NOT EXISTS (SELECT 1 FROM aclexplode(p.is) i
       WHERE (i.grantee, i.privilege_type, i.is_grantable) = (x.grantee, x.privilege_type, x.is_grantable))
)
SELECT concat(verb, ' ', privilege_type, ' ON ', kind, ' ', object, ' ', preposition, ' ',
         CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
         CASE WHEN verb = 'GRANT' AND is_grantable THEN ' WITH GRANT OPTION' END) AS statement
  FROM differences ORDER BY verb DESC`;
