import { type Client, DatabaseError } from 'pg';

import { BatchError } from '../db/batch.js';
import { SQLSTATE } from '../db/sqlstates.js';
import { isTenantsError, TenantsError, type TenantsErrorOptions } from '../errors/tenants-error.js';
import { didYouMean, nearestNames } from '../util/nearest.js';
import { assertAvailable, assertPublicAvailable } from './availability.js';
import { assertRegistry } from './check.js';
import { readRegistryColumns } from './columns.js';
import type { RegistryShape } from './names.js';
import { type NewTenant, tenantValues } from './registration.js';

/**
 * Says why a registration was refused by the server: `registrationItems`, or the `CREATE SCHEMA` that goes with them.
 * Errors of any other statement are none of its business.
 *
 * Looks into the database once more, so the failed transaction must have been rolled back. If a name or a domain has been
 * taken in the meantime, the errors are those of `assertAvailable`; a missing table is REGISTRY_MISSING or
 * REGISTRY_MISMATCH; a value that a column does not take is USAGE. Everything else comes back as it was.
 *
 * @param registration with `adopt` as it was given to `assertAvailable`
 * @returns the error to throw
 */
export async function registrationFailure(
  client: Client,
  shape: RegistryShape,
  registration: NewTenant & { adopt: boolean },
  error: unknown,
): Promise<unknown> {
  const refusal = error instanceof BatchError ? error.cause : error;
  if (!(refusal instanceof DatabaseError) || refusal.code === undefined) return error;
  try {
    return (await explain(client, shape, registration, refusal, refusal.code)) ?? error;
  } catch (reason) {
    // A look that fails as well, on a connection that broke, explains nothing.
    return isTenantsError(reason) ? reason : error;
  }
}

async function explain(
  client: Client,
  shape: RegistryShape,
  registration: NewTenant & { adopt: boolean },
  refusal: DatabaseError,
  code: string,
): Promise<TenantsError | undefined> {
  if (code === SQLSTATE.undefinedTable) {
    await assertRegistry(client, shape);
    return undefined;
  }
  if (code === SQLSTATE.undefinedColumn) {
    await assertRegistry(client, shape);
    const { tenants = [] } = await readRegistryColumns(client, shape);
    return unknownColumns(registration, tenants, refusal);
  }
  // Of two CREATE SCHEMA at the same time, one fails with a unique violation in the catalog.
  if (code === SQLSTATE.uniqueViolation || code === SQLSTATE.duplicateSchema) {
    if (registration.schema === shape.schema) await assertPublicAvailable(client, shape, registration.domains);
    else await assertAvailable(client, shape, registration);
  }
  // A value that cannot be read is refused before the server looks at any table.
  const ours = refusal.table === undefined || refusal.table === shape.tenants.table;
  return ours ? refusedValue(shape, registration, refusal, code) : undefined;
}

function unknownColumns({ extra }: NewTenant, columns: string[], cause: DatabaseError): TenantsError | undefined {
  const unknown = Object.keys(extra).filter((column) => !columns.includes(column));
  if (unknown.length === 0) return undefined;
  const problems = unknown.map((column) =>
    [`--set ${column}: the tenant table has no such column`, ...didYouMean(nearestNames(column, columns))].join('. '),
  );
  const names = unknown.map((column) => `"${column}"`).join(', ');
  return new TenantsError('USAGE', `The tenant table has no column ${names}, as given with --set.`, {
    problems,
    suggestions: [`Columns of the tenant table: ${columns.join(', ')}.`],
    sqlstate: SQLSTATE.undefinedColumn,
    cause,
  });
}

/** Data exceptions (class 22), constraints (23), a value for a generated column, and a type that text does not turn into. */
function refusedValue(
  shape: RegistryShape,
  registration: NewTenant,
  refusal: DatabaseError,
  code: string,
): TenantsError | undefined {
  if (!/^2[23]|^428C9$|^42804$/.test(code)) return undefined;
  const options = { sqlstate: code, cause: refusal, ...serverWords(refusal, code) };
  if (
    code === SQLSTATE.notNullViolation &&
    refusal.column !== undefined &&
    !Object.hasOwn(registration.extra, refusal.column)
  ) {
    return new TenantsError('USAGE', `The column "${refusal.column}" of the tenant table needs a value.`, {
      ...options,
      suggestions: [`Add --set ${refusal.column}=VALUE, or give the column a default.`],
    });
  }
  const flags = guiltyFlags(shape, registration, refusal);
  if (flags === '') return undefined;
  return new TenantsError('USAGE', `The tenant table does not take ${flags}: ${refusal.message}.`, options);
}

/** The server's detail of a failing row shows all its values; of a failing key, that key. */
function serverWords(refusal: DatabaseError, code: string): TenantsErrorOptions {
  const { detail, constraint } = refusal;
  return {
    ...(constraint === undefined ? {} : { constraint }),
    ...(detail === undefined || code === SQLSTATE.notNullViolation || code === SQLSTATE.checkViolation
      ? {}
      : { detail }),
  };
}

/**
 * Which of the user's values was refused. A value that cannot be read is named by the number of its parameter, in the
 * context line of the error, whatever language the server speaks; a missing one by its column. For a constraint there is
 * only its name, so all values are named.
 */
function guiltyFlags(shape: RegistryShape, registration: NewTenant, refusal: DatabaseError): string {
  const parameter = /\$(\d+)/.exec(refusal.where ?? '')?.[1];
  const column = parameter === undefined ? undefined : tenantValues(shape, registration)[Number(parameter) - 1]?.[0];
  const guilty = column ?? refusal.column;
  const { name, type } = shape.tenants.columns;
  const flags = [
    ...(registration.name === null ? [] : [{ column: name, flag: '--label' }]),
    ...(registration.type === null ? [] : [{ column: type, flag: '--type' }]),
    ...Object.keys(registration.extra).map((extra) => ({ column: extra, flag: `--set ${extra}` })),
  ];
  const found = flags.filter((flag) => flag.column === guilty);
  return (found.length > 0 ? found : flags).map(({ flag }) => flag).join(', ');
}
