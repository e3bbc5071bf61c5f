import { quoteIdentifier } from '../../db/identifiers.js';
import type { ProgramEnvironment } from './types.js';

/** The schemas that a program of one tenant sees. */
export type TenantSchemas = {
  tenant: string;
  sharedSchema: string;
  extraSearchPath: readonly string[];
  /** Of a tenant that shares tables: its name, and the setting that says which rows are its own. */
  rows?: { name: string; setting: string; key: string };
};

/** What says where and how to connect, or would win over what says it. */
const CONNECTION =
  /^PG(?:SERVICE|SERVICEFILE|HOST|HOSTADDR|PORT|USER|DATABASE|PASSWORD|SSLMODE|SSLNEGOTIATION|SSLROOTCERT|SSLCERT|SSLKEY)$/;

/**
 * The environment of a program that is to see one tenant: the surrounding one, with `TENANT_SCHEMA`, a `DATABASE_URL` and
 * libpq's own variables that all lead to the same database and set the search path when a session starts. Pure.
 *
 * A search path is a default, not a fence: names with a schema, and `SET search_path`, reach other schemas.
 *
 * @param connection libpq's variables for the database
 */
export function tenantEnvironment(
  surrounding: ProgramEnvironment,
  { PGOPTIONS, ...connection }: Readonly<Record<string, string>>,
  schemas: TenantSchemas,
): Record<string, string> {
  const { rows } = schemas;
  const path =
    rows === undefined ? searchPathOption(schemas) : `${searchPathOption(schemas)} ${option(rows.setting, rows.key)}`;
  return {
    ...withoutConnection(surrounding),
    TENANT_SCHEMA: schemas.tenant,
    ...(rows === undefined ? {} : { TENANT_NAME: rows.name, TENANT_KEY: rows.key }),
    ...connection,
    DATABASE_URL: connectionUrl(connection, joined(PGOPTIONS, path)),
    PGOPTIONS: joined(surrounding['PGOPTIONS'] || PGOPTIONS, path),
  };
}

/**
 * `-c search_path="acme","public"`, as the server splits it (`pg_split_opts` in its `postinit.c`): white space ends a word
 * unless there is a backslash before it, and a backslash stands for itself when it is doubled. Quotes mean nothing there,
 * only later, when the list of names is read.
 */
export function searchPathOption({ tenant, sharedSchema, extraSearchPath }: TenantSchemas): string {
  const schemas = [...new Set([tenant, sharedSchema, ...extraSearchPath])];
  const list = schemas.map((schema) => quoteIdentifier(schema)).join(',');
  return option('search_path', list);
}

function option(setting: string, value: string): string {
  return `-c ${setting}=${value.replaceAll(/[\\\s]/g, String.raw`\$&`)}`;
}

/** A URL that libpq and node-postgres read alike. */
function connectionUrl(connection: Readonly<Record<string, string>>, options: string): string {
  const { PGHOST: host = 'localhost', PGPORT = '5432', PGUSER, PGPASSWORD, PGDATABASE = '' } = connection;
  const encode = encodeURIComponent;
  const secret = PGPASSWORD === undefined ? '' : `:${encode(PGPASSWORD)}`;
  const login = PGUSER === undefined ? '' : `${encode(PGUSER)}${secret}@`;
  const socket = host.startsWith('/');
  const where = socket ? 'localhost' : host.includes(':') ? `[${host}]` : encode(host);
  const tls = Object.entries(connection).flatMap(([name, value]) =>
    name.startsWith('PGSSL') ? [[name.slice(2).toLowerCase(), value] as const] : [],
  );
  const query = [...(socket ? [['host', host] as const] : []), ...tls, ['options', options] as const];
  const text = query.map(([key, value]) => `${key}=${encode(value)}`).join('&');
  return `postgresql://${login}${where}:${PGPORT}/${encode(PGDATABASE)}?${text}`;
}

function joined(before: string | undefined, ours: string): string {
  return before === undefined || before === '' ? ours : `${before} ${ours}`;
}

function withoutConnection(environment: ProgramEnvironment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !CONNECTION.test(entry[0]),
    ),
  );
}
