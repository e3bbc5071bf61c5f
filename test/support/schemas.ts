import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Ajv } from 'ajv';

import { REPOSITORY } from './build.js';

const FOLDER = join(REPOSITORY, 'schemas');
const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });

/** The names of all schemas of the package. */
export const SCHEMA_NAMES = readdirSync(FOLDER).map((file) => file.replace(/\.json$/, ''));

/** The text of a schema as an object. */
export function readSchema(name: string): object {
  return JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as object;
}

/** What a schema has against a document; empty when it fits. */
export function schemaErrors(name: string, document: unknown): string[] {
  const validate = ajv.getSchema(name) ?? ajv.addSchema(readSchema(name), name).getSchema(name);
  if (validate === undefined) throw new Error(`There is no schema ${name}.`);
  validate(document);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
