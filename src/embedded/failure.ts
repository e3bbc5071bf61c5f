import { TenantsError } from '../errors/tenants-error.js';

/**
 * The error of an embedded server that does not start, does not answer or does not end.
 *
 * `log` are the last lines the server or `initdb` wrote; they go into the message, because they say what is wrong.
 */
export function embeddedFailed(
  message: string,
  options: { log?: string[]; suggestions?: string[]; cause?: unknown } = {},
): TenantsError {
  const log = (options.log ?? []).slice(-15);
  const text = log.length > 0 ? `${message} Its last words:\n${log.map((line) => `  ${line}`).join('\n')}` : message;
  const { suggestions = [], cause } = options;
  return new TenantsError('EMBEDDED_FAILED', text, cause === undefined ? { suggestions } : { suggestions, cause });
}
