import type { DomainTable, RegistryShape } from '../../src/registry/names.js';

/** One with domains. */
export type FullShape = RegistryShape & { domains: DomainTable };

/** As the configuration's defaults have it. */
export const SHAPE: FullShape = {
  schema: 'public',
  tenants: {
    table: 'tenants',
    columns: {
      id: 'id',
      schemaName: 'schema_name',
      name: 'name',
      type: 'type',
      status: 'status',
      createdAt: 'created_at',
    },
  },
  domains: {
    table: 'domains',
    columns: { id: 'id', domain: 'domain', tenantId: 'tenant_id', isPrimary: 'is_primary' },
  },
};

/** Every name is renamed, to one that does not work without quotes. */
export const CUSTOM_SHAPE: FullShape = {
  schema: 'Main App',
  tenants: {
    table: 'select',
    columns: {
      id: 'Id',
      schemaName: `schema"name's`,
      name: 'Label',
      type: 'the type',
      status: 'state',
      createdAt: 'früher',
    },
  },
  domains: {
    table: `host\\"names`,
    columns: { id: 'user', domain: 'Host Name', tenantId: 'from', isPrimary: 'primary' },
  },
};

/** Nothing but what a registry cannot do without. */
export const BARE_SHAPE: FullShape = {
  schema: 'public',
  tenants: {
    table: 'accounts',
    columns: { id: 'uid', schemaName: 'slug', name: null, type: null, status: null, createdAt: null },
  },
  domains: { table: 'hosts', columns: { id: 'id', domain: 'host', tenantId: 'account', isPrimary: null } },
};

/** A shape for each way to set up a registry, with a name for test titles. */
export const SHAPES: [string, FullShape][] = [
  ['the usual names', SHAPE],
  ['names that need quotes', CUSTOM_SHAPE],
  ['only the necessary columns', BARE_SHAPE],
];
