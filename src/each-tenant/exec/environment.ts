import type { ClientConfig } from 'pg';

import { quoteIdentifier } from '../../db/identifiers.js';
import { sslParameters } from './ssl.js';
import type { Environment } from './types.js';

/** What a program of one tenant needs to know. */
export type ExecPlace = {
  tenant: string;
  sharedSchema: string;
  extraSearchPath: readonly string[];
  database: ClientConfig;
};

/**
 * The environment of a program that is to see one tenant: the surrounding one, with `TENANT_SCHEMA`, a `DATABASE_URL` and
 * libpq's own variables that all lead to the same database and set the search path when a session starts. Pure.
 *
 * A search path is a default, not a fence: names with a schema, and `SET search_path`, reach other schemas.
 */
export function tenantEnvironment(surrounding: Environment, place: ExecPlace): Record<string, string> {
  const { host, port, user, database, password, options } = place.database;
  const path = searchPathOption(place);
  const ssl = sslParameters(place.database, surrounding);
  const environment: Environment = {
    // What comes from PGSERVICE and the like would win over the variables below, or stand for another server.
    ...without(surrounding, ['PGSERVICE', 'PGSERVICEFILE', 'PGHOSTADDR']),
    TENANT_SCHEMA: place.tenant,
    DATABASE_URL: connectionUrl(place.database, { ...ssl, options: joined(options, path) }),
    PGOPTIONS: joined(surrounding['PGOPTIONS'] || options, path),
    PGHOST: host,
    PGPORT: port === undefined ? undefined : String(port),
    PGUSER: user,
    PGDATABASE: database ?? user,
    PGPASSWORD: typeof password === 'string' ? password : undefined,
    ...Object.fromEntries(Object.entries(ssl).map(([key, value]) => [`PG${key.toUpperCase()}`, value])),
  };
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/**
 * `-c search_path="acme","public"`, as the server splits it (`pg_split_opts` in its `postinit.c`): white space ends a word
 * unless there is a backslash before it, and a backslash stands for itself when it is doubled. Quotes mean nothing there,
 * only later, when the list of names is read.
 */
export function searchPathOption({ tenant, sharedSchema, extraSearchPath }: Omit<ExecPlace, 'database'>): string {
  const schemas = [...new Set([tenant, sharedSchema, ...extraSearchPath])];
  const list = schemas.map((schema) => quoteIdentifier(schema)).join(',');
  return `-c search_path=${list.replaceAll(/[\\\s]/g, String.raw`\$&`)}`;
}

/** A URL that libpq and node-postgres read alike. */
function connectionUrl(config: ClientConfig, parameters: Record<string, string>): string {
  const { host = 'localhost', port = 5432, user, database = user ?? '', password } = config;
  const encode = encodeURIComponent;
  const secret = typeof password === 'string' ? `:${encode(password)}` : '';
  const login = user === undefined ? '' : `${encode(user)}${secret}@`;
  const socket = host.startsWith('/');
  const where = socket ? 'localhost' : host.includes(':') ? `[${host}]` : encode(host);
  const query = Object.entries({ ...(socket ? { host } : {}), ...parameters });
  const text = query.map(([key, value]) => `${key}=${encode(value)}`).join('&');
  return `postgresql://${login}${where}:${port}/${encode(database)}?${text}`;
}

function joined(before: string | undefined, ours: string): string {
  return before === undefined || before === '' ? ours : `${before} ${ours}`;
}

function without(environment: Environment, names: readonly string[]): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !names.includes(name)));
}
