import type { Client } from 'pg';

import type { BatchItem } from '../db/batch.js';
import { qualified, quoteIdentifier } from '../db/identifiers.js';
import { TenantsError } from '../errors/tenants-error.js';
import { canonicalHost } from '../util/host-name.js';
import { didYouMean, nearestNames } from '../util/nearest.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { requireDomainTable } from './domain-table.js';
import type { RegistryShape } from './names.js';

/** Who has a domain; `tenant` is `null` when the row points at no tenant. `domain` is spelled as it is stored. */
export type DomainOwner = { domain: string; tenant: string | null };

/** The owner of a domain in any spelling that `canonicalHost` knows, or `undefined`. */
export async function findDomain(
  client: Client,
  shape: RegistryShape,
  domain: string,
): Promise<DomainOwner | undefined> {
  const { columns } = requireDomainTable(shape);
  const { id, schemaName } = shape.tenants.columns;
  const name = `d.${quoteIdentifier(columns.domain)}::text`;
  const { rows } = await client.query<DomainOwner>(
    `SELECT ${name} AS domain, t.${quoteIdentifier(schemaName)}::text AS tenant
       FROM ${domainTable(shape)} d
       LEFT JOIN ${qualified(shape.schema, shape.tenants.table)} t ON t.${quoteIdentifier(id)} = d.${quoteIdentifier(columns.tenantId)}
      WHERE lower(${name}) IN (lower($1), $2) ORDER BY ${name} = $1 DESC LIMIT 1`,
    [domain, canonicalHost(domain) ?? domain],
  );
  return rows[0];
}

/**
 * The same for a domain that must be there.
 *
 * @throws TenantsError UNKNOWN_DOMAIN with the nearest ones.
 */
export async function requireDomain(client: Client, shape: RegistryShape, domain: string): Promise<DomainOwner> {
  const found = await findDomain(client, shape, domain);
  if (found !== undefined) return found;
  const { rows } = await client.query<{ domain: string }>(
    `SELECT ${quoteIdentifier(requireDomainTable(shape).columns.domain)}::text AS domain FROM ${domainTable(shape)}`,
  );
  const near = nearestNames(
    domain,
    rows.map((row) => row.domain),
  );
  const message = [`No tenant has the domain "${domain}".`, ...didYouMean(near)].join(' ');
  throw new TenantsError('UNKNOWN_DOMAIN', message, {
    suggestions: [`To see all domains, run: ${tenantsCommand('list')}`],
  });
}

/**
 * Makes one of a tenant's domains its primary one. The others come first: there is at most one at any time.
 *
 * @throws TenantsError USAGE where the registry does not say which domain is primary.
 */
export function makePrimaryStatements(shape: RegistryShape, schema: string, domain: string): BatchItem[] {
  const { columns } = requireDomainTable(shape);
  const { id, schemaName } = shape.tenants.columns;
  if (columns.isPrimary === null) {
    throw new TenantsError('USAGE', 'The domain table has no column for --primary: the configuration maps it to null.');
  }
  const primary = quoteIdentifier(columns.isPrimary);
  const name = quoteIdentifier(columns.domain);
  const ofTenant = `${quoteIdentifier(columns.tenantId)} OPERATOR(pg_catalog.=) (SELECT ${quoteIdentifier(id)}
    FROM ${qualified(shape.schema, shape.tenants.table)} WHERE ${quoteIdentifier(schemaName)} OPERATOR(pg_catalog.=) $1)`;
  const values = [schema, domain];
  return [
    {
      text: `UPDATE ${domainTable(shape)} SET ${primary} = false WHERE ${ofTenant} AND ${name} OPERATOR(pg_catalog.<>) $2 AND ${primary}`,
      values,
    },
    {
      text: `UPDATE ${domainTable(shape)} SET ${primary} = true WHERE ${ofTenant} AND ${name} OPERATOR(pg_catalog.=) $2 AND ${primary} IS NOT TRUE`,
      values,
    },
  ];
}

/** Removes a domain, spelled as it is stored. */
export function removeDomainStatement(shape: RegistryShape, domain: string): BatchItem {
  return {
    text: `DELETE FROM ${domainTable(shape)} WHERE ${quoteIdentifier(requireDomainTable(shape).columns.domain)} OPERATOR(pg_catalog.=) $1`,
    values: [domain],
  };
}

function domainTable(shape: RegistryShape): string {
  return qualified(shape.schema, requireDomainTable(shape).table);
}
