import type { Client } from 'pg';

import { quoteLiteral } from '../../db/identifiers.js';
import { findSchemaMentions, type StoredText } from '../../engine/sql/mentions/mentions.js';
import { pathOf } from './function-paths.js';
import { readDefinitions, readRoutines, readSettings, type RoutineText } from './read-texts.js';
import type { Mention } from './types.js';

/** Whether a name that a text mentions is one that is looked for; uncertain ones may be values that happen to be the same. */
type IsWanted = (schema: string, certain: boolean) => boolean;

/**
 * Everything in the database that names a schema by text and therefore does not follow when it is renamed: bodies of functions,
 * constants in views, defaults, policies, triggers, conditions and indexes, settings of functions, roles and the database. The
 * search paths of functions are not among them, because `rewriteFunctionPaths` adapts them.
 *
 * @param others schemas of other tenants, of which only the functions are looked at
 */
export async function findMentions(client: Client, schema: string, others: readonly string[]): Promise<Mention[]> {
  const wanted: IsWanted = (name) => name === schema;
  const routines = await readRoutines(client, { mentioning: schema, without: others });
  const settings = await readSettings(client);
  return [
    ...(await inRoutines(routines, wanted, () => false)),
    ...(await inDefinitions(await readDefinitions(client, { without: others }), wanted)),
    ...(await each(settings, async ({ object, settings: all }) => inSettings(object, all, wanted, wanted))),
  ];
}

/**
 * What in a tenant's schema names that schema by text, which a copy would go on using; or the schema of another tenant, as the
 * copy of a copy may.
 *
 * @param tenants the schemas of all tenants
 */
export async function findMentionsWithin(
  client: Client,
  schema: string,
  tenants: ReadonlySet<string>,
): Promise<Mention[]> {
  const wanted: IsWanted = (name, certain) => name === schema || (certain && tenants.has(name));
  const routines = await readRoutines(client, { within: schema });
  return [
    ...(await inRoutines(routines, wanted, (name) => name !== schema && tenants.has(name))),
    ...(await inDefinitions(await readDefinitions(client, { among: [schema] }), wanted)),
  ];
}

/** A sentence for people. */
export function describeMention({ object, place, schema, line }: Mention): string {
  const where = { body: 'The body', definition: 'The definition', setting: 'A setting' }[place];
  return `${where} of ${object} mentions the schema "${schema}"${line === undefined ? '' : ` (line ${line})`}.`;
}

/** @param inPath whether a schema in a function's own search path is a mention */
async function inRoutines(
  routines: readonly RoutineText[],
  wanted: IsWanted,
  inPath: (schema: string) => boolean,
): Promise<Mention[]> {
  return await each(routines, async ({ object, language, body, settings, definition }) => [
    ...(await inText(object, { kind: 'body', language, text: body }, wanted)),
    ...(definition === null ? [] : await inText(object, { kind: 'statement', text: definition }, wanted)),
    ...(await inSettings(object, settings ?? [], wanted, inPath)),
  ]);
}

async function inDefinitions(
  definitions: readonly { object: string; kind: 'statement' | 'expression'; text: string }[],
  wanted: IsWanted,
): Promise<Mention[]> {
  return await each(definitions, ({ object, kind, text }) => inText(object, { kind, text }, wanted));
}

async function inText(object: string, stored: StoredText, wanted: IsWanted): Promise<Mention[]> {
  const found = (await findSchemaMentions(stored)).filter(({ schema, certain }) => wanted(schema, certain));
  return found.map(({ schema, line }) =>
    stored.kind === 'body' ? { object, place: 'body', schema, line } : { object, place: 'definition', schema },
  );
}

async function inSettings(
  object: string,
  settings: readonly string[],
  wanted: IsWanted,
  inPath: IsWanted,
): Promise<Mention[]> {
  const others = settings.filter((setting) => !setting.startsWith('search_path='));
  const texts = others.map((setting) => quoteLiteral(setting.slice(setting.indexOf('=') + 1)));
  const found = await each(texts, (text) => findSchemaMentions({ kind: 'expression', text }));
  const names = [
    ...pathOf(settings).filter((name) => inPath(name, true)),
    ...found.filter(({ schema, certain }) => wanted(schema, certain)).map(({ schema }) => schema),
  ];
  return [...new Set(names)].map((schema) => ({ object, place: 'setting', schema }));
}

async function each<T, R>(items: readonly T[], work: (item: T) => Promise<R[]>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(...(await work(item)));
  return results;
}
