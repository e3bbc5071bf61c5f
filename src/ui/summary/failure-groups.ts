import type { RecordedResult } from '../../journal/types.js';
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
  /** Different messages, the first one included: values in them differ from tenant to tenant. */
  messages: string[];
};

/** Messages of a group that are kept as examples. */
const EXAMPLES = 3;

/**
 * Groups failures by migration, code and place, the largest group first: never by the values that messages contain. Only where no place
 * is known is the message compared, without the tenant's own name.
 */
export function groupFailures(failures: readonly Failure[]): FailureGroup[] {
  const groups = new Map<string, FailureGroup>();
  for (const failure of failures) {
    const migration = failure.migration ?? failure.error.migration;
    const code = failure.error.sqlstate ?? failure.error.code;
    const key = JSON.stringify([migration, code, placeOf(failure)]);
    const group = groups.get(key);
    const { message } = failure.error;
    if (group === undefined) {
      groups.set(key, { migration, code, first: failure, tenants: [failure.tenant], messages: [message] });
      continue;
    }
    group.tenants.push(failure.tenant);
    if (group.messages.length < EXAMPLES && !group.messages.includes(message)) group.messages.push(message);
  }
  return [...groups.values()].sort((a, b) => b.tenants.length - a.tenants.length);
}

/** The failures among the recorded results of a run. */
export function recordedFailures(results: readonly RecordedResult[]): Failure[] {
  return results.flatMap(({ tenant, status, committed = [], migration, error }) =>
    status === 'failed' && error !== undefined
      ? [{ tenant, status, committed, error, ...(migration === undefined ? {} : { migration }) }]
      : [],
  );
}

/** File, line and statement; a statement that was built for a tenant may contain its name. */
function placeOf({ error, tenant }: Failure): (string | number | undefined)[] {
  const { file, line, statement, message } = error;
  if (statement === undefined && line === undefined) return [file, withoutName(message, tenant)];
  return [file, line, statement === undefined ? undefined : withoutName(statement, tenant)];
}

/** Replaces whole words only: a tenant called `a` must not blur every message. */
function withoutName(message: string, tenant: string): string {
  // Compiling a regular expression for each of 10,000 tenants takes seconds, and most messages do not contain the name.
  if (!message.includes(tenant)) return message;
  const name = tenant.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return message.replace(new RegExp(String.raw`(?<![\p{L}\p{N}_])${name}(?![\p{L}\p{N}_])`, 'gu'), '\u0000');
}
