/**
 * The server refuses a query because a policy would hide rows from it: `row_security` is off. It says so in the language of
 * the server, so the error is told by the function that raises it (PostgreSQL's `rls.c`).
 */
export function isRowSecurityError(error: unknown): boolean {
  return error instanceof Error && 'routine' in error && error.routine === 'check_enable_rls';
}

/** What to do where row-level security hides rows on which decisions rest. */
export const ROW_SECURITY_ADVICE = [
  'Connect as the owner of the table (without FORCE ROW LEVEL SECURITY) or as a role with BYPASSRLS.',
  'Or drop the policy: ALTER TABLE … DISABLE ROW LEVEL SECURITY.',
];

/**
 * The tables of a schema that have a column for the tenant and whose policies do not hold for the current user: row-level security
 * is not enabled, or the user is a superuser, has BYPASSRLS, or owns a table that does not force it. Parameters are the schema, the
 * column, and the registry's schema and tables, which are left out. Every name is qualified: it may run under any search path.
 */
export const UNPROTECTED_TABLES = `SELECT c.relname::pg_catalog.text AS name
   FROM pg_catalog.pg_class c
   JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
   JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) c.oid
  WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.text AND a.attname OPERATOR(pg_catalog.=) $2::pg_catalog.text
    AND NOT a.attisdropped AND c.relkind OPERATOR(pg_catalog.=) ANY (ARRAY['r', 'p']::pg_catalog."char"[]) AND NOT c.relispartition
    AND NOT (n.nspname OPERATOR(pg_catalog.=) $3::pg_catalog.text AND c.relname OPERATOR(pg_catalog.=) ANY ($4::pg_catalog.text[]))
    AND NOT pg_catalog.row_security_active(c.oid)
  ORDER BY c.relname`;

/** What an error says of a user for whom the policies of these tables do not hold. Pure. */
export function unprotectedText(user: string, tables: readonly string[]): string {
  const names = tables.slice(0, 5).map((name) => `"${name}"`);
  const more = tables.length > names.length ? ` and ${tables.length - names.length} more` : '';
  return `Row-level security does not restrict the database user "${user}" in ${names.join(', ')}${more}: the rows of all tenants would be seen.`;
}

/** What to do about it. */
export const UNPROTECTED_ADVICE = [
  'Connect as a role that is no superuser and has no BYPASSRLS.',
  'On each of these tables: ALTER TABLE … ENABLE ROW LEVEL SECURITY; ALTER TABLE … FORCE ROW LEVEL SECURITY. tenantTable of pg-tenants/migrations does both.',
];
