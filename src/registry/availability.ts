import type { Client } from 'pg';

import { qualified, quoteIdentifier } from '../db/identifiers.js';
import { TenantsError } from '../errors/tenants-error.js';
import { plural } from '../util/format-count.js';
import { tenantsCommand } from '../util/tenants-command.js';
import type { RegistryShape } from './names.js';
import type { TenantDomain } from './types.js';

/** What a new tenant wants to call its own. */
export type Claim = {
  schema: string;
  domains: readonly Pick<TenantDomain, 'domain'>[];
  /** The schema exists already and is taken over. */
  adopt: boolean;
  /** A tenant that gives its name up at the same time: another spelling of it is free. */
  replaces?: string;
};

/**
 * Sees in one query that a name and its domains are free. Between this look and the INSERT someone may be faster, which
 * `registrationFailure` then explains in the same words.
 *
 * @throws TenantsError TENANT_EXISTS; INVALID_NAME for a name that differs from an existing one in case only, or belongs to
 *   PostgreSQL; SCHEMA_EXISTS for a schema without a tenant, unless it is adopted; USAGE when there is none to adopt, or
 *   it is the shared schema; DOMAIN_TAKEN with the owners.
 */
export async function assertAvailable(client: Client, shape: RegistryShape, claim: Claim): Promise<void> {
  const holders = await readHolders(client, shape, [claim]);
  assertNameAvailable(shape, claim, holders);
  assertNoDomainTaken(holders);
}

/**
 * The same for many, in one query. They are not compared with each other.
 *
 * @returns for each claim that cannot be had the errors that `assertAvailable` would throw
 */
export async function findRefusals<T extends Claim>(
  client: Client,
  shape: RegistryShape,
  claims: readonly T[],
): Promise<Map<T, TenantsError[]>> {
  const byName = new Map<string, Holder[]>();
  for (const holder of await readHolders(client, shape, claims)) {
    const key = `${holder.kind === 'domain'}:${holder.name.toLowerCase()}`;
    byName.set(key, [...(byName.get(key) ?? []), holder]);
  }
  const refusals = new Map<T, TenantsError[]>();
  for (const claim of claims) {
    const names = byName.get(`false:${claim.schema.toLowerCase()}`) ?? [];
    const domains = claim.domains.flatMap(({ domain }) => byName.get(`true:${domain.toLowerCase()}`) ?? []);
    const errors = [
      ...errorOf(() => assertNameAvailable(shape, claim, names)),
      ...errorOf(() => assertNoDomainTaken(domains)),
    ];
    if (errors.length > 0) refusals.set(claim, errors);
  }
  return refusals;
}

/**
 * The same for the public tenant, whose schema is the shared one and exists.
 *
 * @throws TenantsError TENANT_EXISTS, DOMAIN_TAKEN.
 */
export async function assertPublicAvailable(
  client: Client,
  shape: RegistryShape,
  domains: Claim['domains'],
): Promise<void> {
  const holders = await readHolders(client, shape, [{ schema: shape.schema, domains }]);
  assertNotRegistered(shape.schema, holders);
  assertNoDomainTaken(holders);
}

/**
 * Sees that domains are free, whoever wants them.
 *
 * @throws TenantsError DOMAIN_TAKEN with the owners.
 */
export async function assertDomainsAvailable(
  client: Client,
  shape: RegistryShape,
  domains: Claim['domains'],
): Promise<void> {
  // No schema has an empty name.
  assertNoDomainTaken(await readHolders(client, shape, [{ schema: '', domains }]));
}

/** Something that stands in the way; `owner` is a tenant's status, or the name of the tenant that has a domain. */
type Holder = { kind: 'tenant' | 'schema' | 'domain'; name: string; owner: string | null };

async function readHolders(
  client: Client,
  shape: RegistryShape,
  claims: readonly Pick<Claim, 'schema' | 'domains'>[],
): Promise<Holder[]> {
  const { columns } = shape.tenants;
  const tenant = `t.${quoteIdentifier(columns.schemaName)}::text`;
  const tenants = qualified(shape.schema, shape.tenants.table);
  const { rows } = await client.query<Holder>(
    // "C" is the collation of catalog names; the database's own also knows letters beyond ASCII.
    `SELECT 'tenant' AS kind, ${tenant} AS name,
            ${columns.status === null ? 'NULL' : `t.${quoteIdentifier(columns.status)}::text`} AS owner
       FROM ${tenants} t WHERE lower(${tenant}) IN (SELECT lower(x) FROM unnest($1::text[]) x)
      UNION ALL
     SELECT 'schema', n.nspname::text, NULL
       FROM pg_catalog.pg_namespace n WHERE lower(n.nspname::text COLLATE "default") IN (SELECT lower(x) FROM unnest($1::text[]) x)
      ${domainHolders(shape, tenant)}`,
    [
      claims.map(({ schema }) => schema),
      ...(shape.domains === null ? [] : [claims.flatMap(({ domains }) => domains.map(({ domain }) => domain))]),
    ],
  );
  return rows;
}

/** The part of that query that looks for domains. */
function domainHolders({ schema, tenants, domains }: RegistryShape, tenant: string): string {
  if (domains === null) return '';
  const { columns, table } = domains;
  const domain = `d.${quoteIdentifier(columns.domain)}::text`;
  return `UNION ALL
     SELECT 'domain', ${domain}, ${tenant}
       FROM ${qualified(schema, table)} d
       LEFT JOIN ${qualified(schema, tenants.table)} t ON t.${quoteIdentifier(tenants.columns.id)} = d.${quoteIdentifier(columns.tenantId)}
      WHERE lower(${domain}) = ANY ($2::text[])`;
}

function errorOf(check: () => void): TenantsError[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof TenantsError) return [error];
    throw error;
  }
}

function assertNameAvailable(shape: RegistryShape, { schema, adopt, replaces }: Claim, holders: Holder[]): void {
  const named = holders.filter(({ kind }) => kind !== 'domain');
  assertNotRegistered(schema, holders);
  if (schema === shape.schema) throw sharedSchema(schema);
  if (schema.startsWith('pg_') || schema === 'information_schema') throw reserved(schema);
  const lookalike = named.find(({ name }) => name !== schema && name !== replaces);
  if (lookalike !== undefined) throw onlyCaseDiffers(schema, lookalike);
  const exists = named.some(({ kind, name }) => kind === 'schema' && name === schema);
  if (exists && !adopt) throw schemaExists(schema);
  if (!exists && adopt) throw nothingToAdopt(schema);
}

function assertNotRegistered(schema: string, holders: Holder[]): void {
  const registered = holders.find(({ kind, name }) => kind === 'tenant' && name === schema);
  if (registered !== undefined) throw tenantExists(schema, registered.owner);
}

function assertNoDomainTaken(holders: Holder[]): void {
  const taken = holders.filter(({ kind }) => kind === 'domain').sort((a, b) => (a.name < b.name ? -1 : 1));
  if (taken.length === 0) return;
  const problems = taken.map(({ name, owner }) =>
    owner === null ? `"${name}" is registered without a tenant` : `"${name}" belongs to tenant "${owner}"`,
  );
  throw new TenantsError('DOMAIN_TAKEN', `${plural(taken.length, 'domain')} taken already: ${problems.join(', ')}.`, {
    problems,
    suggestions: taken.map(({ name }) => `To free it, run: ${tenantsCommand('delete-domain', name)}`),
  });
}

/** @param status the registered tenant's, where the registry has a column for it */
export function tenantExists(schema: string, status: string | null): TenantsError {
  const unfinished: Record<string, string> = {
    deleting: `Its deletion was not finished; run: ${tenantsCommand('delete-tenant', schema)}`,
    provisioning: `Its creation was not finished; run: ${tenantsCommand('doctor', '--fix')}`,
  };
  const suggestion = unfinished[status ?? ''];
  const state = suggestion === undefined ? '' : ` (${status})`;
  return new TenantsError('TENANT_EXISTS', `There is a tenant "${schema}" already${state}.`, {
    tenant: schema,
    suggestions:
      suggestion === undefined
        ? [
            `To take it as it is: ${tenantsCommand('create-tenant', schema, '--if-not-exists')}`,
            'Or choose another name.',
          ]
        : [suggestion],
  });
}

function sharedSchema(schema: string): TenantsError {
  return new TenantsError(
    'USAGE',
    `"${schema}" is the shared schema; only the public tenant, which has no schema, can have this name.`,
    { suggestions: [`To register the public tenant, run: ${tenantsCommand('create-tenant', schema)}`] },
  );
}

function reserved(schema: string): TenantsError {
  return new TenantsError('INVALID_NAME', `"${schema}" cannot be a tenant: this schema belongs to PostgreSQL.`);
}

function onlyCaseDiffers(schema: string, { kind, name }: Holder): TenantsError {
  return new TenantsError(
    'INVALID_NAME',
    `"${schema}" cannot be the name of a tenant: it differs from the ${kind} "${name}" in upper and lower case only.`,
    { suggestions: ['Choose another name.'] },
  );
}

function schemaExists(schema: string): TenantsError {
  return new TenantsError('SCHEMA_EXISTS', `There is a schema "${schema}" already, but no tenant of that name.`, {
    suggestions: [
      `To make it a tenant and apply the migrations that it lacks: ${tenantsCommand('create-tenant', schema, '--adopt')}`,
      `To make it a tenant as it is: ${tenantsCommand('create-tenant', schema, '--adopt', '--no-migrate')}`,
      'Or choose another name.',
    ],
  });
}

function nothingToAdopt(schema: string): TenantsError {
  return new TenantsError('USAGE', `The schema "${schema}", which should be adopted, does not exist.`, {
    suggestions: ['To create it, leave out --adopt.'],
  });
}
