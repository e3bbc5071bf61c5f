import type { MigrateReport } from '../../run/types.js';

type TenantResult = MigrateReport['results'][number];
export type Failure = Extract<TenantResult, { status: 'failed' }>;

/** Tenants that failed in the same way. */
export type FailureGroup = {
  migration: string | undefined;
  /** SQLSTATE, or our own error code if it is not an error of the server. */
  code: string;
  /** The first tenant's failure, which represents all. */
  first: Failure;
  tenants: string[];
};

/**
 * Groups failures by migration, code and message, the largest group first.
 *
 * Many of the server's messages contain the tenant's schema (`relation "acme.users" does not exist`). The tenant's own name is
 * ignored in the comparison, because otherwise each tenant would form its own group.
 */
export function groupFailures(failures: readonly Failure[]): FailureGroup[] {
  const groups = new Map<string, FailureGroup>();
  for (const failure of failures) {
    const migration = failure.migration ?? failure.error.migration;
    const code = failure.error.sqlstate ?? failure.error.code;
    const key = JSON.stringify([migration, code, withoutName(failure.error.message, failure.tenant)]);
    const group = groups.get(key);
    if (group) group.tenants.push(failure.tenant);
    else groups.set(key, { migration, code, first: failure, tenants: [failure.tenant] });
  }
  return [...groups.values()].sort((a, b) => b.tenants.length - a.tenants.length);
}

/** Replaces whole words only: a tenant called `a` must not blur every message. */
function withoutName(message: string, tenant: string): string {
  // Compiling a regular expression for each of 10,000 tenants takes seconds, and most messages do not contain the name.
  if (!message.includes(tenant)) return message;
  const name = tenant.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return message.replace(new RegExp(String.raw`(?<![\p{L}\p{N}_])${name}(?![\p{L}\p{N}_])`, 'gu'), '\u0000');
}
