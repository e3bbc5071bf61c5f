import { qualified, quoteIdentifier } from '../../db/identifiers.js';
import { isTenantsError } from '../../errors/tenants-error.js';
import { inspectRegistry } from '../../registry/check.js';
import { plural } from '../../util/format-count.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { right, skipped, wrong } from '../results.js';
import type { Check, CheckGroup, Examination } from '../types.js';
import { readRegistryParts, type RegistryParts } from './registry-parts.js';

/** The registry: its tables, privileges on them, and the constraints and triggers that its first migration creates. */
export const REGISTRY_CHECKS: CheckGroup = {
  names: ['registry', 'registry-privileges', 'registry-constraints', 'registry-triggers'],
  run: async (exam) => {
    const registry = await registryCheck(exam);
    if (!registry.ok) {
      const reason = 'the registry is not usable';
      return [
        registry,
        skipped('registry-privileges', reason),
        skipped('registry-constraints', reason),
        skipped('registry-triggers', reason),
      ];
    }
    const parts = await readRegistryParts(exam.client, exam.project.registry);
    return [registry, await privilegeCheck(exam), constraintCheck(exam, parts), triggerCheck(parts)];
  },
};

async function registryCheck({ client, project: { registry } }: Examination): Promise<Check> {
  const { tenants, domains } = registry;
  const tables = domains === null ? `"${tenants.table}"` : `"${tenants.table}" and "${domains.table}"`;
  try {
    if ((await inspectRegistry(client, registry)) === 'present') {
      return right('registry', `${tables} ${domains === null ? 'is' : 'are'} as expected`);
    }
    return wrong('registry', `${domains === null ? 'no' : 'neither'} ${tables} exists in "${registry.schema}"`, {
      suggestions: [
        `To create it, run: ${tenantsCommand('migrate', '--shared')}`,
        'If the tables have other names, configure them under "registry".',
      ],
    });
  } catch (error) {
    if (!isTenantsError(error) || error.code !== 'REGISTRY_MISMATCH') throw error;
    const items = error.details.problems ?? [];
    return wrong('registry', `${plural(items.length, 'difference')}`, { items, suggestions: error.suggestions });
  }
}

async function privilegeCheck({ client, project: { registry, role } }: Examination): Promise<Check> {
  const { rows } = await client.query<{ holder: string; table: string; privilege: string }>(
    `SELECT r.rolname::text AS holder, c.relname::text AS table, p.privilege
       FROM pg_class c
       CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) WITH ORDINALITY AS p (privilege, position)
       JOIN pg_roles r ON r.rolname = current_user OR (r.rolname = $4 AND p.privilege = 'SELECT' AND c.relname = $2)
      WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND c.relname IN ($2, $3)
        AND NOT has_table_privilege(r.oid, c.oid, p.privilege)
      ORDER BY r.rolname, c.relname, p.position`,
    [registry.schema, registry.tenants.table, registry.domains?.table ?? null, role ?? null],
  );
  if (rows.length === 0) return right('registry-privileges', 'granted');
  return wrong('registry-privileges', `${plural(rows.length, 'privilege')} not granted`, {
    items: rows.map(({ holder, table, privilege }) => `${privilege} on "${table}" for "${holder}"`),
    suggestions: rows.map(
      ({ holder, table, privilege }) =>
        `GRANT ${privilege} ON ${qualified(registry.schema, table)} TO ${quoteIdentifier(holder)}`,
    ),
  });
}

/** In a registry that was not created from our template, the owner may have other ways to keep names unique. */
function constraintCheck({ project: { registry } }: Examination, parts: RegistryParts): Check {
  const { lacking, fromTemplate } = parts;
  if (lacking.length === 0) return right('registry-constraints', 'complete');
  const items = lacking.map(({ what }) => what);
  if (!fromTemplate) {
    return right('registry-constraints', 'your own tables, without some constraints', { items });
  }
  return wrong('registry-constraints', `${plural(lacking.length, 'constraint')} missing or not valid`, {
    items,
    suggestions: lacking.map(({ statement }) => `In a shared migration: ${statement(registry)}`),
  });
}

function triggerCheck({ triggers, fromTemplate }: RegistryParts): Check {
  const bad = triggers.filter(({ problem }) => problem !== undefined);
  if (bad.length === 0) return right('registry-triggers', 'present and enabled');
  if (!fromTemplate) {
    return right('registry-triggers', 'absent: the runtime library relies on the time to live', {
      items: bad.map(({ table }) => `"${table}"`),
    });
  }
  return wrong('registry-triggers', `${plural(bad.length, 'trigger')} not as created`, {
    items: bad.map(({ table, problem }) => `"${table}": ${problem ?? ''}`),
    suggestions: [`To restore them, run: ${tenantsCommand('doctor', '--fix')}`],
  });
}
