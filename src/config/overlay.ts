import { z } from 'zod';

import { isPlainObject } from '../util/json.js';
import { didYouMean, nearestNames } from '../util/nearest.js';
import { describeIssue } from './problems.js';
import { configSchema } from './schema.js';
import {
  SETTING_NAMES,
  collectOverrides,
  variableName,
  type Environment,
  type SettingName,
  type SettingOverrides,
} from './settings.js';
import { fieldAt } from './walk.js';

export type Overlay = {
  /** The file's configuration with the valid overrides in it; the file's own object is left alone. */
  config: unknown;
  /** Complaints about flags and variables, each with its name. */
  problems: string[];
  /** Where a valid override comes from: `--lock-timeout`, `TENANTS_LOCK_TIMEOUT`, `DATABASE_URL`. */
  sources: Map<SettingName, string>;
};

const PREFIX = 'TENANTS_';

/** Lays flags and environment over what the file says. */
export function overlay(file: unknown, flags: SettingOverrides, env: Environment): Overlay {
  const result: Overlay = { config: file, problems: [], sources: new Map() };
  for (const { name, path, source, value } of collectOverrides(flags, env)) {
    const field = fieldAt(configSchema, path);
    const checked = z.safeParse(field, value);
    if (!checked.success) {
      result.problems.push(`${source}: ${describeIssue(checked.error)}`);
      continue;
    }
    result.config = withValue(result.config, path, value);
    result.sources.set(name, source);
  }
  return result;
}

/** Warnings about variables that look like settings with a slip in them; the rest of the namespace is the user's. */
export function misspelledVariables(env: Environment): string[] {
  const known = [...SETTING_NAMES.map(variableName), `${PREFIX}CONFIG`];
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name))
    .map((name) => ({ name, near: nearestNames(withoutPrefix(name), known.map(withoutPrefix)) }))
    .filter(({ near }) => near.length > 0)
    .map(({ name, near }) => {
      const [question = ''] = didYouMean(near.map((candidate) => PREFIX + candidate));
      return `The environment variable ${name} is not a setting. ${question}`;
    });
}

/** It is the same in all of them, and would make long names of different ones look near. */
function withoutPrefix(name: string): string {
  return name.slice(PREFIX.length);
}

/** A copy of `target` with `value` at `path`. What should be an object and is not stays, for the schema to complain about. */
function withValue(target: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (target !== undefined && !isPlainObject(target)) return target;
  return { ...target, [key]: withValue(target?.[key], rest, value) };
}
