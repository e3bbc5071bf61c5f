// Writes a JSON Schema for every document, for the report file, for a line of events, and for the configuration. The types of documents
// and the configuration's own schema are their only source. With --check nothing is written, and a file that is not up to date is an error.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import {
  createFormatter,
  createParser,
  createProgram,
  DEFAULT_CONFIG,
  SchemaGenerator,
} from 'ts-json-schema-generator';
import { z } from 'zod';

import { configSchema } from '../dist/config/schema.js';

const FOLDER = new URL('../schemas/', import.meta.url);
const DRAFT = 'http://json-schema.org/draft-07/schema#';

/** `SymbolFlags.Alias` of TypeScript: a name that is imported or exported again. */
const ALIAS = 1 << 21;

process.exitCode = await main(process.argv.includes('--check'));

async function main(checks) {
  const wanted = new Map(
    Object.entries({ ...documentSchemas(), config: configurationSchema() }).map(([name, schema]) => [
      `${name}.json`,
      `${JSON.stringify(schema, undefined, 2)}\n`,
    ]),
  );
  await mkdir(FOLDER, { recursive: true });
  const present = await readdir(FOLDER);
  const stale = [];
  for (const file of new Set([...wanted.keys(), ...present])) {
    const text = present.includes(file) ? await readFile(new URL(file, FOLDER), 'utf8') : undefined;
    if (text !== wanted.get(file)) stale.push(file);
  }
  if (checks) {
    for (const file of stale) {
      process.stderr.write(`schemas/${file} is not up to date; write it with: npm run reference\n`);
    }
    return stale.length === 0 ? 0 : 1;
  }
  for (const file of stale) {
    const text = wanted.get(file);
    if (text === undefined) await rm(new URL(file, FOLDER));
    else await writeFile(new URL(file, FOLDER), text);
    process.stdout.write(`schemas/${file} is ${text === undefined ? 'removed' : 'written'}.\n`);
  }
  return 0;
}

/** A schema for each member of `Documents`, from the declarations of the build: there, types that the source infers are written out. */
function documentSchemas() {
  const config = {
    ...DEFAULT_CONFIG,
    path: fileURLToPath(new URL('../dist/cli/schemas/document-types.d.ts', import.meta.url)),
    tsconfig: fileURLToPath(new URL('../tsconfig.json', import.meta.url)),
    type: 'Documents',
    expose: 'all',
    // Fields are added without notice.
    additionalProperties: true,
    skipTypeCheck: true,
  };
  const program = createProgram(config);
  const parser = createParser(program, config, (chain) => chain.addNodeParser(declaredTypes(program, chain)));
  const root = new SchemaGenerator(program, parser, createFormatter(config), config).createSchema('Documents');
  const definitions = {};
  for (const [name, schema] of Object.entries(root.definitions)) {
    if (definitionName(name) in definitions) throw new Error(`There are two types called ${definitionName(name)}.`);
    definitions[definitionName(name)] = adapted(schema);
  }
  const { properties } = definitions.Documents;
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => {
      const used = reachable(schema, definitions);
      const title = schema.description ?? `What tenants ${name} --json prints.`;
      return [name, { $schema: DRAFT, title, ...schema, ...(used === undefined ? {} : { definitions: used }) }];
    }),
  );
}

/** What the generator does not look into: `ReturnType<typeof f>`, which is what the declaration of `f` says, and `import('./x.js').T`. */
function declaredTypes(program, chain) {
  const checker = program.getTypeChecker();
  const returned = (node) => (node.typeName?.text === 'ReturnType' ? node.typeArguments[0].exprName : undefined);
  const imported = (node) => (node.isTypeOf === false ? node.qualifier : undefined);
  const declaration = (name) => {
    const symbol = checker.getSymbolAtLocation(name);
    return (symbol.flags & ALIAS ? checker.getAliasedSymbol(symbol) : symbol).declarations[0];
  };
  return {
    supportsNode: (node) => (returned(node) ?? imported(node)) !== undefined,
    createType: (node, context) => {
      const name = returned(node);
      return chain.createType(name === undefined ? declaration(imported(node)) : declaration(name).type, context);
    },
  };
}

/** Names that stay the same wherever the repository is, and that need no escapes. */
function definitionName(name) {
  return decodeURIComponent(name)
    .replace(/[^\w-]+/g, '_')
    .replace(/^_+|_+$/g, '');
}

/** A copy with the names of `definitionName` in its references, and open to fields that are added, which mapped types are not. */
function adapted(value) {
  if (Array.isArray(value)) return value.map(adapted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key, inner]) => key !== 'additionalProperties' || inner !== false);
  return Object.fromEntries(
    entries.map(([key, inner]) => {
      if (key !== '$ref') return [key, adapted(inner)];
      return [key, `#/definitions/${definitionName(inner.replace('#/definitions/', ''))}`];
    }),
  );
}

/** The definitions that a schema refers to, directly or not. */
function reachable(schema, definitions) {
  const found = new Map();
  const visit = (value) => {
    if (Array.isArray(value)) return value.forEach(visit);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key !== '$ref') visit(inner);
      else {
        const name = inner.replace('#/definitions/', '');
        if (found.has(name)) continue;
        found.set(name, definitions[name]);
        visit(definitions[name]);
      }
    }
  };
  visit(schema);
  if (found.size === 0) return undefined;
  return Object.fromEntries([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** What `tenants.config.json` accepts. What only functions can say is left out of it. */
function configurationSchema() {
  const schema = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7', unrepresentable: 'any' });
  const { $schema, properties, ...rest } = schema;
  const { hooks, ...settings } = properties;
  return {
    $schema,
    title: 'Configuration of tenants',
    ...rest,
    properties: {
      $schema: { type: 'string', description: 'Where this schema is, for editors.' },
      ...settings,
      hooks: {
        description: `${hooks.description} In a configuration of JSON there are none.`,
        type: 'object',
        maxProperties: 0,
      },
    },
  };
}
