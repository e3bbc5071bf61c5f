import type { ClientConfig } from 'pg';

import { TenantsError } from '../errors/tenants-error.js';

/**
 * The password of a configuration at this moment; a function is called each time, because tokens expire.
 *
 * @returns `undefined` where there is none.
 * @throws TenantsError DATABASE_REFUSED when the function fails, or returns something other than a string.
 */
export async function currentPassword({ password }: Pick<ClientConfig, 'password'>): Promise<string | undefined> {
  if (typeof password !== 'function') return password ?? undefined;
  let answer: unknown;
  try {
    answer = await password();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw failure(`failed: ${reason.replace(/\.+$/, '')}`, error);
  }
  if (typeof answer === 'string') return answer;
  throw failure('returned no string');
}

function failure(what: string, cause?: unknown): TenantsError {
  return new TenantsError('DATABASE_REFUSED', `The password function of the database setting ${what}.`, {
    suggestions: ['It must return the password, or a promise of it.'],
    ...(cause === undefined ? {} : { cause }),
  });
}
