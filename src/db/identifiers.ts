import { escapeIdentifier, escapeLiteral } from 'pg';

import { TenantsError } from '../errors/tenants-error.js';
import { isIdentifier } from '../util/identifier.js';

/**
 * Quotes an identifier, whatever it is called.
 *
 * @throws TenantsError INVALID_NAME for a name that no PostgreSQL object can have: empty, over 63 bytes, with a NUL or
 *   half a character.
 */
export function quoteIdentifier(name: string): string {
  if (!isIdentifier(name)) {
    throw new TenantsError('INVALID_NAME', `${JSON.stringify(name)} cannot be a PostgreSQL name.`);
  }
  return escapeIdentifier(name);
}

/** Quotes a string constant. Values belong in parameters; this is for statements that take none. */
export function quoteLiteral(text: string): string {
  return escapeLiteral(text);
}

/** `"schema"."name"`. */
export function qualified(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/**
 * The value of `search_path` under which a schema's statements run: the tenant, the shared schema, extra schemas, and the
 * temporary schema last, where it cannot shadow a tenant's tables.
 */
export function searchPath(schemas: readonly string[]): string {
  return [...new Set(schemas)]
    .map((schema) => quoteIdentifier(schema))
    .concat('pg_temp')
    .join(', ');
}

/** A list as an array literal, for a parameter that is sent as text. */
export function arrayLiteral(items: readonly string[]): string {
  return `{${items.map((item) => `"${item.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
