import type { BatchItem } from '../db/batch.js';
import { qualified, quoteIdentifier } from '../db/identifiers.js';
import { TenantsError } from '../errors/tenants-error.js';
import { requireDomainTable } from './domain-table.js';
import { type RegistryShape, STATUS, type TenantStatus } from './names.js';
import type { TenantDomain } from './types.js';

/** A tenant that is about to be registered. */
export type NewTenant = {
  schema: string;
  name: string | null;
  type: string | null;
  status: TenantStatus;
  /** Values for further columns of the tenant table, as text that PostgreSQL reads as the column's type. */
  extra: Record<string, string | null>;
  domains: readonly TenantDomain[];
};

/**
 * The statements that write a tenant's row, then each of its domains; they belong into a transaction. What can go wrong
 * with them is explained by `registrationFailure`. Here as in all statements that write to the registry every name is
 * qualified: they run under a search path in which the owner's triggers find their tables.
 *
 * A registry without a status column holds active tenants only, and one without `isPrimary` forgets which is primary.
 *
 * @throws TenantsError USAGE for a label or type that the registry has no column for, an extra column that has a flag of
 *   its own, a domain where there are none, a domain named twice, or two primary domains.
 */
export function registrationStatements(shape: RegistryShape, registration: NewTenant): BatchItem[] {
  assertExtraColumns(shape, registration.extra);
  if (registration.domains.length > 0) requireDomainTable(shape);
  assertDomainsOnce(registration.domains);
  return [
    tenantItem(shape, registration),
    ...registration.domains.map((domain) => domainStatement(shape, registration, domain)),
  ];
}

/**
 * Ends the state `provisioning`; nothing to do where the registry has no status column. `UPDATE 0` as the answer means
 * that the tenant was not in this state any more.
 */
export function activateStatements(shape: RegistryShape, schema: string): BatchItem[] {
  const { status, schemaName } = shape.tenants.columns;
  if (status === null) return [];
  return [
    {
      text: `UPDATE ${tenantTable(shape)} SET ${quoteIdentifier(status)} = '${STATUS.active}'
              WHERE ${quoteIdentifier(schemaName)} OPERATOR(pg_catalog.=) $1 AND ${quoteIdentifier(status)} OPERATOR(pg_catalog.=) '${STATUS.provisioning}'`,
      values: [schema],
    },
  ];
}

/**
 * Takes back the registration of a tenant that did not come to be: its domains (an existing table need not cascade), then
 * its row. A tenant that is no longer `provisioning` stays, with its domains; without a status column nothing can tell,
 * so only the call that registered it may take it back.
 */
export function removeRegistrationStatements(shape: RegistryShape, schema: string): BatchItem[] {
  const { id, status, schemaName } = shape.tenants.columns;
  const state = status === null ? '' : `AND ${quoteIdentifier(status)} OPERATOR(pg_catalog.=) '${STATUS.provisioning}'`;
  const which = `WHERE ${quoteIdentifier(schemaName)} OPERATOR(pg_catalog.=) $1 ${state}`;
  const { domains } = shape;
  return [
    ...(domains === null
      ? []
      : [
          {
            text: `DELETE FROM ${domainTable(shape)} WHERE ${quoteIdentifier(domains.columns.tenantId)} OPERATOR(pg_catalog.=) ANY
              (SELECT ${quoteIdentifier(id)} FROM ${tenantTable(shape)} ${which})`,
            values: [schema],
          },
        ]),
    { text: `DELETE FROM ${tenantTable(shape)} ${which}`, values: [schema] },
  ];
}

/** The columns and values of a tenant's row in the order of the statement's parameters. */
export function tenantValues(shape: RegistryShape, registration: NewTenant): [column: string, value: string | null][] {
  const { columns } = shape.tenants;
  const { schema, name, type, status, extra } = registration;
  const optional = (column: string | null, value: string | null, flag?: string): [string, string | null][] => {
    if (column !== null) return [[column, value]];
    if (value === null || flag === undefined) return [];
    throw new TenantsError('USAGE', `The tenant table has no column for ${flag}: the configuration maps it to null.`);
  };
  return [
    [columns.schemaName, schema],
    ...optional(columns.name, name, '--label'),
    ...optional(columns.type, type, '--type'),
    ...optional(columns.status, status),
    ...Object.entries(extra),
  ];
}

/** VALUES, not SELECT: only here does the server take the parameters' types from the columns. */
function tenantItem(shape: RegistryShape, registration: NewTenant): BatchItem {
  const pairs = tenantValues(shape, registration);
  const columns = pairs.map(([column]) => quoteIdentifier(column)).join(', ');
  const parameters = pairs.map((_, index) => `$${index + 1}`).join(', ');
  return {
    text: `INSERT INTO ${tenantTable(shape)} (${columns}) VALUES (${parameters})`,
    values: pairs.map(([, value]) => value),
  };
}

/** A tenant that is not there gives a NULL, which the table refuses, where a join would insert nothing in silence. */
export function domainStatement(
  shape: RegistryShape,
  { schema }: Pick<NewTenant, 'schema'>,
  { domain, primary }: TenantDomain,
): BatchItem {
  const { columns } = requireDomainTable(shape);
  const { id, schemaName } = shape.tenants.columns;
  const tenant = `(SELECT ${quoteIdentifier(id)} FROM ${tenantTable(shape)} WHERE ${quoteIdentifier(schemaName)} OPERATOR(pg_catalog.=) $2)`;
  const names = `${quoteIdentifier(columns.domain)}, ${quoteIdentifier(columns.tenantId)}`;
  if (columns.isPrimary === null) {
    return { text: `INSERT INTO ${domainTable(shape)} (${names}) VALUES ($1, ${tenant})`, values: [domain, schema] };
  }
  return {
    text: `INSERT INTO ${domainTable(shape)} (${names}, ${quoteIdentifier(columns.isPrimary)}) VALUES ($1, ${tenant}, $3)`,
    values: [domain, schema, primary],
  };
}

function assertExtraColumns(shape: RegistryShape, extra: NewTenant['extra']): void {
  const { id, schemaName, name, type, status } = shape.tenants.columns;
  const ways: [string | null, string][] = [
    [id, 'the database numbers the tenants itself'],
    [schemaName, 'it is the NAME of the command'],
    [name, 'use --label'],
    [type, 'use --type'],
    [status, 'it is set by the command'],
  ];
  for (const [column, way] of ways) {
    if (column !== null && Object.hasOwn(extra, column)) {
      throw new TenantsError('USAGE', `The column "${column}" cannot be given with --set: ${way}.`);
    }
  }
}

function assertDomainsOnce(domains: readonly TenantDomain[]): void {
  const names = domains.map(({ domain }) => domain);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new TenantsError('USAGE', `The domain "${twice}" is given twice.`);
  const primary = domains.filter((domain) => domain.primary).map(({ domain }) => `"${domain}"`);
  if (primary.length > 1) {
    throw new TenantsError(
      'USAGE',
      `A tenant has one primary domain, and not ${primary.length}: ${primary.join(', ')}.`,
    );
  }
}

function tenantTable(shape: RegistryShape): string {
  return qualified(shape.schema, shape.tenants.table);
}

function domainTable(shape: RegistryShape): string {
  return qualified(shape.schema, requireDomainTable(shape).table);
}
