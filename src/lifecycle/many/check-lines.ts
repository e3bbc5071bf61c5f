import type { Client } from 'pg';

import { TenantsError } from '../../errors/tenants-error.js';
import { assertExtraSearchPath } from '../../fleet/assert-extra-search-path.js';
import type { Project } from '../../project/project.js';
import { findRefusals } from '../../registry/availability.js';
import { readTenantsWithDomains } from '../../registry/list.js';
import { STATUS } from '../../registry/names.js';
import { hasDomains } from '../../registry/public-tenant.js';
import type { NewTenant } from '../../registry/registration.js';
import type { TenantWithDomains } from '../../registry/types.js';
import { plural } from '../../util/format-count.js';
import { orderBy } from '../../util/tenant-order.js';
import { checkValues } from './check-values.js';
import type { ReadLines } from './read-lines.js';
import type { LineProblem, WantedLine } from './types.js';

/** Complaints that are said; a file with the wrong separator has one for each line. */
const MAX_PROBLEMS = 200;

/** A line that can be carried out: its tenant is to be created, to be finished, or there. */
export type CheckedLine = WantedLine & { state: 'new' | 'unfinished' | 'exists' };

/**
 * Compares a list with the registry and the database. Changes nothing.
 *
 * @throws TenantsError USAGE with everything that is wrong, line by line; CONFIG_INVALID.
 */
export async function checkLines(client: Client, project: Project, read: ReadLines): Promise<CheckedLine[]> {
  const { registry } = project;
  assertExtraSearchPath(
    project,
    read.lines.map(({ registration }) => registration.schema),
  );
  const order = orderBy(registry.tenants.columns.schemaName);
  const tenants = await readTenantsWithDomains(client, registry, { order });
  const existing = new Map(tenants.map((tenant) => [tenant.schema, tenant]));
  const problems: LineProblem[] = [...read.problems];
  const lines: CheckedLine[] = [];
  for (const line of read.lines) {
    const tenant = existing.get(line.registration.schema);
    const difference = tenant === undefined ? undefined : differenceTo(tenant, line.registration);
    if (difference !== undefined) problems.push({ line: line.line, message: difference });
    else lines.push({ ...line, state: stateOf(tenant) });
  }
  const fresh = lines.filter(({ state }) => state === 'new');
  const claims = fresh.map(({ line, registration }) => ({ ...registration, line, adopt: false }));
  for (const [{ line }, errors] of await findRefusals(client, registry, claims)) {
    problems.push(...errors.map(({ message }) => ({ line, message })));
  }
  problems.push(...(await checkValues(client, project, fresh)));
  if (problems.length > 0) throw refusal(problems);
  return lines;
}

/** Whether a tenant is the one that is wanted. What else its row says may have changed since. */
export function isWanted(tenant: TenantWithDomains, wanted: NewTenant): boolean {
  return tenant.status !== STATUS.provisioning && differenceTo(tenant, wanted) === undefined;
}

function stateOf(tenant: TenantWithDomains | undefined): CheckedLine['state'] {
  if (tenant === undefined) return 'new';
  return tenant.status === STATUS.provisioning ? 'unfinished' : 'exists';
}

function differenceTo(tenant: TenantWithDomains, { schema, type, domains }: NewTenant): string | undefined {
  const but = `the tenant "${schema}" exists already`;
  if (tenant.status === STATUS.deleting) return `${but} and is being deleted`;
  if (tenant.type !== type) return `${but}, ${tenant.type === null ? 'without a type' : `of type "${tenant.type}"`}`;
  const absent = domains.filter((wanted) => !hasDomains(tenant, [wanted])).map(({ domain }) => `"${domain}"`);
  return absent.length === 0 ? undefined : `${but}, without the domain ${absent.join(', ')}`;
}

/** The error that says what is wrong with a list. */
export function refusal(problems: readonly LineProblem[]): TenantsError {
  const sorted = [...problems].sort((a, b) => a.line - b.line);
  const said = sorted.slice(0, MAX_PROBLEMS).map(({ line, message }) => `Line ${line}: ${asSentence(message)}`);
  const rest = sorted.length - said.length;
  return new TenantsError(
    'USAGE',
    `The list of tenants has ${plural(sorted.length, 'mistake')}; no tenant was created.`,
    { problems: [...said, ...(rest > 0 ? [`… and ${rest} more.`] : [])] },
  );
}

function asSentence(text: string): string {
  const ended = /[.?!]$/.test(text) ? text : `${text}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}
