import { didYouMean, nearestNames } from '../../util/nearest.js';
import type { Environment } from '../settings.js';

/** The complaint about a secret that a pipeline did not fill in. */
export const EMPTY_DATABASE_URL = 'DATABASE_URL: is set, but empty';

/**
 * Why the environment names no database: `DATABASE_URL is not set`, `DATABASE_URL is empty`, with a misspelled variable that
 * holds a URL. `undefined` where a flag or a variable names one.
 *
 * @param source what named the database: `--database`, `TENANTS_DATABASE`, `DATABASE_URL`
 */
export function describeVariable(env: Environment, source: string | undefined): string | undefined {
  if (source !== undefined) return undefined;
  if (env['DATABASE_URL'] === '') return 'DATABASE_URL is empty.';
  const urls = Object.keys(env).filter((name) => /^postgres(?:ql)?:\/\//i.test(env[name] ?? ''));
  return ['DATABASE_URL is not set.', ...didYouMean(nearestNames('DATABASE_URL', urls))].join(' ');
}
