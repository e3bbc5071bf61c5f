import type { DatabaseConfig } from '../db/database-config.js';
import { TenantsError } from '../errors/tenants-error.js';

/** A database configuration that can be copied to a worker. */
export type PackedDatabase = {
  config: Record<string, unknown>;
  /** The password comes from a function of the configuration, which stays with the parent and is asked for each connection. */
  asksPassword: boolean;
};

/**
 * Makes a database configuration fit to be copied to another process or thread.
 *
 * @throws TenantsError EXECUTOR_UNAVAILABLE naming everything that cannot be copied: functions, and objects with a class.
 */
export function packDatabase(database: DatabaseConfig, executor: string): PackedDatabase {
  const problems: string[] = [];
  const packed: PackedDatabase = { config: {}, asksPassword: false };
  const copy = (value: unknown, path: string): unknown => {
    if (typeof value === 'function') {
      if (path === 'password') packed.asksPassword = true;
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
export function unpackDatabase(packed: PackedDatabase, askPassword: () => Promise<string>): DatabaseConfig {
  return { ...packed.config, ...(packed.asksPassword ? { password: askPassword } : {}) };
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function cannotTravel(executor: string, problems: string[]): TenantsError {
  return new TenantsError(
    'EXECUTOR_UNAVAILABLE',
    `The executor "${executor}" cannot be used with this database configuration: workers get a copy of it, and ${problems.join(', ')}.`,
    {
      problems,
      suggestions: [
        'Use --executor=standard, which works in this process.',
        ...(problems.some((problem) => problem.startsWith('database.ssl.checkServerIdentity '))
          ? ['If the function accepts every host name, a URL can say the same: ?sslmode=verify-ca&sslrootcert=FILE']
          : []),
      ],
    },
  );
}
