import { TenantsError } from '../../errors/tenants-error.js';
import type { Environment } from '../settings.js';
import { describeVariable } from './database-variable.js';

/**
 * Refuses the embedded database where it cannot be what was meant: in production, and in a continuous integration job that
 * did not ask for it. There it usually stands in for a `DATABASE_URL` that is missing or misspelled, and a migration of a
 * new, empty database would look like success.
 *
 * @param source what named the database: `--database`, a variable; `undefined` for the configuration file
 * @throws TenantsError EMBEDDED_REFUSED
 */
export function assertEmbeddedAllowed(env: Environment, source: string | undefined): void {
  if (env['NODE_ENV'] === 'production') {
    throw new TenantsError(
      'EMBEDDED_REFUSED',
      'The embedded database is for trying out, developing and testing; NODE_ENV is production.',
      { suggestions: [SET_A_DATABASE] },
    );
  }
  if (source !== undefined || !isContinuousIntegration(env)) return;
  const reason = describeVariable(env, source) ?? '';
  throw new TenantsError(
    'EMBEDDED_REFUSED',
    `The embedded database is refused because CI is set and nothing asked for it. ${reason}`.trim(),
    { suggestions: [SET_A_DATABASE, 'To use the embedded database in CI, pass --database embedded.'] },
  );
}

const SET_A_DATABASE = 'Set DATABASE_URL, or pass --database postgres://user@host:5432/database.';

/** All large CI services set `CI`; some programs turn it off with `false` or `0`. */
function isContinuousIntegration(env: Environment): boolean {
  return !['', '0', 'false'].includes((env['CI'] ?? '').toLowerCase());
}
