import { TenantsError } from '../../errors/tenants-error.js';
import type { TenantSetting } from './row-level.js';

/** What an error of the server says when the setting is not what it was; it cannot be a number. */
const CHANGED = 'tenants: the setting was changed';

/** White space and comments before a statement. */
const BEFORE = /^(?:\s|--[^\n]*|\/\*[^]*?\*\/)+/;

/**
 * Refuses statements that would leave the tenant's rows: that set the setting, and TRUNCATE, for which policies do not hold. It
 * looks at texts, so it finds mistakes; who may send any SQL can go around it.
 *
 * @throws TenantsError USAGE
 */
export function assertKeepsSetting({ name, value }: TenantSetting, query: unknown, values: unknown): void {
  const { text, values: own } = (typeof query === 'string' ? { text: query } : (query ?? {})) as {
    text?: unknown;
    values?: unknown;
  };
  if (typeof text !== 'string') return;
  if (value !== '' && /^truncate\b/i.test(text.replace(BEFORE, ''))) {
    throw new TenantsError('USAGE', 'TRUNCATE would take away the rows of all tenants: policies do not hold for it.', {
      statement: text,
      suggestions: ['Use DELETE, which deletes the rows of this tenant.'],
    });
  }
  if (!/\b(?:set|reset|set_config)\b/i.test(text)) return;
  const plain = text.replaceAll('"', '').toLowerCase();
  const setting = name.toLowerCase();
  const parameters = [own, values].find((one): one is unknown[] => Array.isArray(one)) ?? [];
  const mentions =
    plain.includes(setting) || parameters.some((one) => typeof one === 'string' && one.toLowerCase() === setting);
  const assigns = new RegExp(
    String.raw`\b(?:re)?set\s+(?:session\s+|local\s+)?${setting.replaceAll(/[.$]/g, String.raw`\$&`)}`,
  );
  if (!mentions || !(plain.includes('set_config') || assigns.test(plain))) return;
  throw new TenantsError('USAGE', `The setting ${name} says whose rows are seen, and belongs to withTenant.`, {
    statement: text,
    suggestions: ['For the rows of another tenant, call withTenant with that one.'],
  });
}

/** An expression that sets the setting until the transaction ends. `literal` quotes a text for SQL. */
export function setLocally({ name, value }: TenantSetting, literal: (text: string) => string): string {
  return `pg_catalog.set_config(${literal(name)}, ${literal(value)}, true)`;
}

/** An expression that fails when the setting is not what `setLocally` made it. */
export function assertUnchanged({ name, value }: TenantSetting, literal: (text: string) => string): string {
  return (
    `CASE WHEN coalesce(pg_catalog.current_setting(${literal(name)}, true), '') OPERATOR(pg_catalog.<>) ${literal(value)}` +
    ` THEN pg_catalog.concat('${CHANGED} ', pg_catalog.pg_backend_pid())::pg_catalog.int4 END`
  );
}

/** The error of `assertUnchanged`. */
export function isChanged(error: unknown): boolean {
  return error instanceof Error && error.message.includes(CHANGED);
}

export function settingChanged({ name }: TenantSetting, cause: unknown): TenantsError {
  return new TenantsError('USAGE', `The work changed the setting ${name}, so its transaction was rolled back.`, {
    suggestions: [`Leave ${name} to withTenant.`],
    cause,
  });
}
