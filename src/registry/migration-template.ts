import { quoteIdentifier, quoteLiteral } from '../db/identifiers.js';
import { MAX_IDENTIFIER_BYTES } from '../util/identifier.js';
import {
  type DomainTable,
  MAX_DOMAIN_LENGTH,
  REGISTRY_CHANNEL,
  type RegistryShape,
  STATUS,
  type TenantTable,
} from './names.js';

/** Name of the trigger function, and of the trigger on either table. */
export const NOTIFY_FUNCTION = 'tenants_registry_notify';

/** The indexes that the template makes by name; where one of them is, the registry was made by it. */
export const REGISTRY_INDEXES = {
  domainsOfTenant: 'tenants_registry_domains_of_tenant',
  onePrimary: 'tenants_registry_one_primary',
} as const;

/** The trigger of one table: the word and the column that it is created with, and the statement that creates it. */
export type NotifyTrigger = { table: string; word: string; column: string; statement: string };

/** What announces changes of the registry, as the template creates it; names are unqualified. */
export function registryNotification(shape: RegistryShape): { createFunction: string; triggers: NotifyTrigger[] } {
  const { tenants, domains } = shape;
  const triggers = [
    { table: tenants.table, word: 'schemas', column: tenants.columns.schemaName },
    ...(domains === null ? [] : [{ table: domains.table, word: 'domains', column: domains.columns.domain }]),
  ];
  return {
    createFunction: notifyFunction(),
    triggers: triggers.map((one) => ({ ...one, statement: notifyTrigger(one.table, one.word, one.column) })),
  };
}

/**
 * The text of the first shared migration, an `.sql` file as node-pg-migrate reads it: what creates the registry, and what
 * takes it away again. Columns that the shape maps to `null` are left out.
 *
 * Names are unqualified: whoever runs the file sets `search_path` to the shared schema. The trigger function looks at
 * nothing but the changed row and searches no schema but PostgreSQL's own: it later runs under any search path, such as a
 * tenant's, in whose schemas others may create functions.
 */
export function registryMigration(shape: RegistryShape): string {
  const tenants = plain(shape.tenants.table);
  const { domains } = shape;
  const notification = registryNotification(shape);
  return `${HEADER}
-- Up Migration

CREATE TABLE ${tenants} (
${columnList(tenantColumns(shape))}
);

${domains === null ? '' : domainTable(shape, domains)}${notification.createFunction}

${notification.triggers.map(({ statement }) => statement).join('\n\n')}

-- Down Migration

${domains === null ? '' : `DROP TABLE ${plain(domains.table)};\n`}DROP TABLE ${tenants};
DROP FUNCTION ${NOTIFY_FUNCTION}();
`;
}

const HEADER = `-- The registry: which tenants there are, and which hostnames lead to them.
--
-- This file is yours. Add columns to both tables freely, here before the first run and in shared migrations of your own
-- afterwards; "tenants create-tenant --set column=value" fills them. The columns below are read and written by the
-- command line and the runtime library; if you rename one, say so under "registry" in the configuration.
--
-- Table names carry no schema: shared migrations run in the shared schema.
`;

/** A column, with what its owner should know about it. */
type Column = { name: string | null; definition: string; comment?: string };

function tenantColumns({ tenants: { columns } }: RegistryShape): Column[] {
  const schemaName = plain(columns.schemaName);
  const status = columns.status === null ? '' : plain(columns.status);
  const statuses = Object.values(STATUS)
    .map((one) => `'${one}'`)
    .join(', ');
  return [
    { name: columns.id, definition: 'bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY' },
    {
      name: columns.schemaName,
      definition: `text NOT NULL UNIQUE CHECK (octet_length(${schemaName}) BETWEEN 1 AND ${MAX_IDENTIFIER_BYTES})`,
      comment: 'The schema that holds the tables of this tenant: its name in every command.',
    },
    { name: columns.name, definition: 'text', comment: 'A label for people.' },
    { name: columns.type, definition: 'text', comment: 'Chooses the migrations directory where there are several.' },
    {
      name: columns.status,
      definition: `text NOT NULL DEFAULT '${STATUS.active}' CHECK (${status} IN (${statuses}))`,
      comment: 'Only active tenants are served; the other two are states between.',
    },
    { name: columns.createdAt, definition: 'timestamptz NOT NULL DEFAULT now()' },
  ];
}

function domainTable({ tenants }: RegistryShape, domains: DomainTable): string {
  return `CREATE TABLE ${plain(domains.table)} (
${columnList(domainColumns(tenants, domains))}
);

${domainIndexes(domains)}

`;
}

function domainColumns(tenants: TenantTable, { columns }: DomainTable): Column[] {
  const domain = plain(columns.domain);
  return [
    { name: columns.id, definition: 'bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY' },
    {
      name: columns.domain,
      definition: `text NOT NULL UNIQUE CHECK (${domain} = lower(${domain}) AND octet_length(${domain}) BETWEEN 1 AND ${MAX_DOMAIN_LENGTH})`,
      comment: 'A hostname in lower case (xn-- form for other scripts), without scheme, port or trailing dot.',
    },
    {
      name: columns.tenantId,
      definition: `bigint NOT NULL REFERENCES ${plain(tenants.table)} (${plain(tenants.columns.id)}) ON DELETE CASCADE`,
    },
    { name: columns.isPrimary, definition: 'boolean NOT NULL DEFAULT false' },
  ];
}

function columnList(columns: Column[]): string {
  const present = columns.flatMap(({ name, ...rest }) => (name === null ? [] : [{ name, ...rest }]));
  return present
    .map(({ name, definition, comment }, index) => {
      const line = `  ${plain(name)} ${definition}${index < present.length - 1 ? ',' : ''}`;
      return comment === undefined ? line : `  -- ${comment}\n${line}`;
    })
    .join('\n');
}

function domainIndexes({ table, columns }: DomainTable): string {
  const on = `${plain(table)} (${plain(columns.tenantId)})`;
  const byTenant = `CREATE INDEX ${REGISTRY_INDEXES.domainsOfTenant} ON ${on};`;
  if (columns.isPrimary === null) return byTenant;
  return `${byTenant}

-- At most one primary domain for each tenant.
CREATE UNIQUE INDEX ${REGISTRY_INDEXES.onePrimary} ON ${on} WHERE ${plain(columns.isPrimary)};`;
}

function notifyFunction(): string {
  return `-- Applications remember which tenant a hostname leads to. Each change is announced to them, with the row's key as it was
-- and as it is, so that they look again. The arguments are a word for the message and the column of the key.
CREATE FUNCTION ${NOTIFY_FUNCTION}() RETURNS trigger LANGUAGE plpgsql SET search_path TO '' AS $$
DECLARE
  old_row jsonb := to_jsonb(OLD);
  new_row jsonb := to_jsonb(NEW);
BEGIN
  IF old_row IS DISTINCT FROM new_row THEN
    PERFORM pg_notify('${REGISTRY_CHANNEL}', jsonb_build_object(TG_ARGV[0], (
      SELECT jsonb_agg(DISTINCT key)
      FROM unnest(ARRAY[old_row ->> TG_ARGV[1], new_row ->> TG_ARGV[1]]) AS key
      WHERE key IS NOT NULL
    ))::text);
  END IF;
  RETURN NULL;
END
$$;`;
}

function notifyTrigger(table: string, word: string, column: string): string {
  return `CREATE TRIGGER ${NOTIFY_FUNCTION} AFTER INSERT OR UPDATE OR DELETE ON ${plain(table)}
  FOR EACH ROW EXECUTE FUNCTION ${NOTIFY_FUNCTION}('${word}', ${quoteLiteral(column).trim()});`;
}

/** The usual names, none of which is a reserved word. */
const NEEDS_NO_QUOTES: ReadonlySet<string> = new Set(
  'tenants domains id schema_name name type status created_at domain tenant_id is_primary'.split(' '),
);

/** A file for people: quotes only where a name may need them. */
function plain(name: string): string {
  return NEEDS_NO_QUOTES.has(name) ? name : quoteIdentifier(name);
}
