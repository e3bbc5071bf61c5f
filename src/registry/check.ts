import type { Client } from 'pg';

import { TenantsError } from '../errors/tenants-error.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { readRegistryColumns } from './columns.js';
import { isOptionalColumn, type RegistryShape } from './names.js';

/**
 * Looks whether the registry is there, with one catalog query.
 *
 * @returns `missing` when there is none of the tables, as in an empty database.
 * @throws TenantsError REGISTRY_MISMATCH when a table or a column is missing; `problems` has them all.
 */
export async function inspectRegistry(client: Client, shape: RegistryShape): Promise<'missing' | 'present'> {
  const { tenants, domains } = await readRegistryColumns(client, shape);
  if (tenants === undefined && domains === undefined) return 'missing';
  const problems = [
    ...missingFrom('tenants', shape.tenants, tenants),
    ...(shape.domains === null ? [] : missingFrom('domains', shape.domains, domains)),
  ];
  if (problems.length === 0) return 'present';
  throw new TenantsError(
    'REGISTRY_MISMATCH',
    `The registry in schema "${shape.schema}" is not what the configuration describes.`,
    {
      problems,
      suggestions: [
        "Name tables and columns in the configuration: registry: { tenants: { table: 'accounts', columns: { schemaName: 'slug', status: null } } }. Columns that are optional may be null; without a table of domains: registry: { domains: false }.",
        `Or add what is missing in a shared migration and run: ${tenantsCommand('migrate', '--shared')}`,
      ],
    },
  );
}

/**
 * Insists on a registry.
 *
 * @throws TenantsError REGISTRY_MISSING with the way to create one; REGISTRY_MISMATCH as in `inspectRegistry`.
 */
export async function assertRegistry(client: Client, shape: RegistryShape): Promise<void> {
  if ((await inspectRegistry(client, shape)) === 'present') return;
  const { schema, tenants, domains } = shape;
  throw new TenantsError(
    'REGISTRY_MISSING',
    `The schema "${schema}" has no registry: ${domains === null ? `the table "${tenants.table}" does not exist` : `neither the table "${tenants.table}" nor "${domains.table}" exists`}.`,
    {
      suggestions: [
        `Run "${tenantsCommand('init')}" to write the shared migration that creates it, then: ${tenantsCommand('migrate', '--shared')}`,
        'If the tables have other names, say so under "registry" in the configuration; check the database setting, too.',
      ],
    },
  );
}

function missingFrom(
  part: 'tenants' | 'domains',
  { table, columns }: { table: string; columns: Record<string, string | null> },
  found: string[] | undefined,
): string[] {
  if (found === undefined) return [`table "${table}" does not exist (registry.${part}.table)`];
  return Object.entries(columns).flatMap(([key, column]) => {
    if (column === null || found.includes(column)) return [];
    const way = isOptionalColumn(key) ? ', optional' : '';
    return [`table "${table}" has no column "${column}" (registry.${part}.columns.${key}${way})`];
  });
}
