import { TenantsError } from '../errors/tenants-error.js';
import { MAX_IDENTIFIER_BYTES } from '../util/identifier.js';

const NEW_SCHEMA_NAME = /^[a-z_][a-z0-9_]*$/;

/**
 * Checks the name of a schema that is about to be made. Existing schemas may be called anything PostgreSQL allows.
 *
 * @throws TenantsError INVALID_NAME with the form that would be accepted.
 */
export function assertNewSchemaName(name: string): void {
  const problem = problemWith(name);
  if (problem === undefined) return;
  const accepted = acceptedForm(name);
  throw new TenantsError('INVALID_NAME', `${JSON.stringify(name)} cannot be the name of a tenant: ${problem}.`, {
    suggestions: [
      ...(accepted === undefined ? [] : [`"${accepted}" would be accepted. A domain may be spelled otherwise.`]),
      `A tenant name is 1 to ${MAX_IDENTIFIER_BYTES} lower-case letters, digits and underscores, and does not begin with a digit.`,
    ],
  });
}

function problemWith(name: string): string | undefined {
  if (name.startsWith('pg_')) return 'names that begin with pg_ belong to PostgreSQL';
  if (name === 'information_schema') return 'this schema belongs to PostgreSQL';
  if (name.length > MAX_IDENTIFIER_BYTES) return `it is longer than ${MAX_IDENTIFIER_BYTES} characters`;
  if (name === '') return 'it is empty';
  if (/^[0-9]/.test(name)) return 'a name that begins with a digit must be quoted wherever SQL names the schema';
  if (!NEW_SCHEMA_NAME.test(name)) return `${unquotable(name)} must be quoted wherever SQL names the schema`;
  return undefined;
}

/** What makes a name one that does not go without quotes: `"-" and upper-case letters`. */
function unquotable(name: string): string {
  const others = [...new Set(name.match(/[^A-Za-z0-9_]/gu) ?? [])].map((character) => JSON.stringify(character));
  const upper = /[A-Z]/.test(name) ? ['upper-case letters'] : [];
  return [...others.slice(0, 3), ...(others.length > 3 ? ['other characters'] : []), ...upper].join(' and ');
}

function acceptedForm(name: string): string | undefined {
  const form = name
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, '_')
    .replace(/^pg_/, 'tenant_pg_')
    .replace(/^(?=[0-9])/, 't')
    .replaceAll(/^_+|_+$/g, '')
    .slice(0, MAX_IDENTIFIER_BYTES);
  return form !== '' && form !== name && problemWith(form) === undefined ? form : undefined;
}
