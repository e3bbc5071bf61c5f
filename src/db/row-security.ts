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
