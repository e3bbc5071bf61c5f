import type { ClientConfig } from 'pg';

import { TenantsError } from '../errors/tenants-error.js';

/** A database configuration that can be copied to a worker. */
export type PackedDatabase = {
  config: Record<string, unknown>;
  /** The password comes from a function of the configuration, which stays with the parent and is asked for each connection. */
  asksPassword: boolean;
  /** `ssl.checkServerIdentity` is a function that accepts every host name, as libpq's `sslmode=verify-ca` does. */
  anyIdentity: boolean;
};

/**
 * Makes a database configuration fit to be copied to another process or thread.
 *
 * @throws TenantsError EXECUTOR_UNAVAILABLE naming everything that cannot be copied: functions, and objects with a class.
 */
export function packDatabase(database: ClientConfig, executor: string): PackedDatabase {
  const problems: string[] = [];
  const packed: PackedDatabase = { config: {}, asksPassword: false, anyIdentity: false };
  const copy = (value: unknown, path: string): unknown => {
    if (typeof value === 'function') {
      if (path === 'password') packed.asksPassword = true;
      else if (path === 'ssl.checkServerIdentity' && isEmptyFunction(value)) packed.anyIdentity = true;
      else problems.push(`database.${path} is a function`);
      return undefined;
    }
    if (Array.isArray(value)) return value.map((item, index) => copy(item, `${path}.${index}`));
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
    if (!isPlain(value)) {
      problems.push(`database.${path} is an object of the class ${value.constructor.name}`);
      return undefined;
    }
    return copyEntries(value, `${path}.`);
  };
  const copyEntries = (value: object, prefix: string): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(value)
        .map(([key, item]) => [key, copy(item, `${prefix}${key}`)] as const)
        .filter(([, item]) => item !== undefined),
    );
  packed.config = copyEntries(database, '');
  if (problems.length > 0) throw cannotTravel(executor, problems);
  return packed;
}

/** The configuration as a worker uses it. `askPassword` asks the parent. */
export function unpackDatabase(packed: PackedDatabase, askPassword: () => Promise<string>): ClientConfig {
  const config = { ...packed.config } as ClientConfig;
  if (packed.asksPassword) config.password = askPassword;
  if (packed.anyIdentity && typeof config.ssl === 'object') {
    config.ssl = { ...config.ssl, checkServerIdentity: () => undefined };
  }
  return config;
}

/** A function without statements returns `undefined`, whatever it is given: its copy is as good. */
function isEmptyFunction(value: object): boolean {
  const source = Function.prototype.toString.call(value);
  return (
    /^(function\s*\w*\s*\(\s*\)|\(\s*\)\s*=>)\s*\{\s*\}$/.test(source) || /^\(\s*\)\s*=>\s*undefined$/.test(source)
  );
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function cannotTravel(executor: string, problems: string[]): TenantsError {
  return new TenantsError(
    'EXECUTOR_UNAVAILABLE',
    `The executor "${executor}" cannot be used with this database configuration: workers get a copy of it, and ${problems.join(', ')}.`,
    { problems, suggestions: ['Use --executor=standard, which works in this process.'] },
  );
}
