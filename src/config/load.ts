import { stat } from 'node:fs/promises';
import path from 'node:path';

import type { ClientConfig } from 'pg';

import type { DatabaseChoice } from '../db/database-config.js';
import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import { plural } from '../util/format-count.js';
import { isPlainObject } from '../util/json.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { databaseSchema } from './database/database-schema.js';
import { describeVariable, EMPTY_DATABASE_URL } from './database/database-variable.js';
import { parseDatabase } from './database/database.js';
import { assertEmbeddedAllowed } from './database/embedded-allowed.js';
import { readEnvFile } from './env-file.js';
import { findConfig } from './find.js';
import { hookLoaderUrl } from './load-hooks.js';
import type { LoadedProject } from './loaded-project.js';
import { misspelledVariables, overlay, type Overlay } from './overlay.js';
import { describeProblems } from './problems.js';
import { toProject } from './project.js';
import { readConfig } from './read.js';
import { configSchema } from './schema.js';
import { type Environment, type SettingOverrides } from './settings.js';

export type LoadOptions = {
  /** Where the search for the configuration begins, and what `configFile` and `envFile` are relative to. */
  cwd: string;
  /** `process.env`, or what stands in for it; `envFile` adds to it. */
  env: Environment;
  /** `--config FILE`; `TENANTS_CONFIG` stands in for it. Without either the file is searched from `cwd` upwards. */
  configFile?: string | undefined;
  /** `--env-file FILE`, the only way in which a `.env` is ever read. */
  envFile?: string | undefined;
  flags?: SettingOverrides | undefined;
};

/**
 * Loads the configuration and makes a project of it: flag before environment before file before default.
 *
 * Without a configuration file the defaults hold, relative to `cwd`. Throws `CONFIG_NOT_FOUND`, `CONFIG_CONFLICT`,
 * `EMBEDDED_REFUSED`, and `CONFIG_INVALID` (`USAGE` if only flags are wrong) with all complaints in `problems`.
 */
export async function loadProject(options: LoadOptions): Promise<LoadedProject> {
  const { env, flags = {} } = options;
  const cwd = path.resolve(options.cwd);
  if (options.envFile !== undefined) await readEnvFile(path.resolve(cwd, options.envFile), env);
  const configFile = await locate(cwd, env, options.configFile);
  const laid = overlay(configFile === null ? {} : await readConfig(configFile), flags, env);
  const warnings = misspelledVariables(env);
  const parsed = configSchema.safeParse(laid.config);
  const inFile = parsed.success ? [] : describeProblems(configSchema, parsed.error.issues);
  const database = loadDatabase(laid, env, (message) => warnings.push(message));
  const problems = [...inFile, ...laid.problems, ...database.problems];
  if (!parsed.success || problems.length > 0) throw invalid(problems, configFile);
  if (database.value === 'embedded') assertEmbeddedAllowed(env, laid.sources.get('database'));
  const root = configFile === null ? cwd : path.dirname(configFile);
  const hooksOrigin = configFile === null ? undefined : { loader: hookLoaderUrl(), file: configFile };
  const databaseSource = laid.sources.get('database');
  return {
    ...toProject(parsed.data, root),
    database: database.value,
    databaseVariable: describeVariable(env, databaseSource),
    configFile,
    hooksOrigin,
    warnings,
  };
}

async function locate(cwd: string, env: Environment, given: string | undefined): Promise<string | null> {
  const named = given ?? (env['TENANTS_CONFIG'] || undefined);
  if (named === undefined) return findConfig(cwd);
  const file = path.resolve(cwd, named);
  const entry = await stat(file).catch(() => undefined);
  if (entry?.isFile()) return file;
  const source = given === undefined ? 'TENANTS_CONFIG' : '--config';
  throw new TenantsError('CONFIG_NOT_FOUND', `The configuration file ${file}, named by ${source}, does not exist.`, {
    file,
    suggestions: [
      'Check the path; it is relative to the current folder.',
      `Write a configuration: ${tenantsCommand('init')}`,
    ],
  });
}

/** `PGDATABASE` alone names a database too, but comes after everything that was said to this program. */
function loadDatabase(
  { config, sources }: Overlay,
  env: Environment,
  warn: (message: string) => void,
): { value: DatabaseChoice | 'embedded' | undefined; problems: string[] } {
  const given = isPlainObject(config) ? config['database'] : undefined;
  // What `process.env.DATABASE_URL ?? 'embedded'` comes to.
  if (given === '' && env['DATABASE_URL'] === '') return { value: undefined, problems: [EMPTY_DATABASE_URL] };
  const setting = databaseSchema.optional().safeParse(given);
  if (!setting.success) return { value: undefined, problems: [] };
  const value = setting.data ?? (env['PGDATABASE'] ? {} : undefined);
  if (value === undefined || value === 'embedded') return { value, problems: [] };
  const source = setting.data === undefined ? 'environment' : (sources.get('database') ?? 'database');
  try {
    return { value: parseDatabase(value as string | ClientConfig, env, { source, warn }), problems: [] };
  } catch (error) {
    if (!isTenantsError(error)) throw error;
    return { value: undefined, problems: error.details.problems ?? [error.message] };
  }
}

function invalid(problems: string[], configFile: string | null): TenantsError {
  const onlyFlags = problems.every((problem) => problem.startsWith('--'));
  const where = onlyFlags ? 'command line' : configFile === null ? 'environment' : `configuration (${configFile})`;
  return new TenantsError(
    onlyFlags ? 'USAGE' : 'CONFIG_INVALID',
    `${plural(problems.length, 'setting')} of the ${where} cannot be used.`,
    {
      problems,
      ...(configFile === null || onlyFlags ? {} : { file: configFile }),
    },
  );
}
