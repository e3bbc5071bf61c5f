import type { Node } from 'libpg-query';

import { strings, walk, walkRecords } from '../parse/walk.js';
import { mentionsInConstant } from './in-tokens.js';
import type { SchemaMention } from './types.js';

/** Types whose constants the server turns into object identifiers when it stores an expression. */
const OBJECT_TYPES: ReadonlySet<string> = new Set(
  'regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure regrole regtype'.split(
    ' ',
  ),
);

/** The schemas that statements name, as the grammar sees them, and those that their constants may name. */
export function mentionsInStatements(nodes: readonly Node[], lineOf: (byte: number) => number): SchemaMention[] {
  const mentions: SchemaMention[] = [];
  walkRecords(nodes, (type, value) => {
    const line = lineOf(typeof value['location'] === 'number' ? value['location'] : 0);
    const certain = (schema: string): void => void mentions.push({ schema, certain: true, line });
    for (const key of ['schemaname', 'newschema']) if (typeof value[key] === 'string') certain(value[key]);
    for (const [key, list] of Object.entries(value)) {
      const parts = Array.isArray(list) ? strings(list as Node[]) : [];
      // A column is named table.column, and only with three parts begins with a schema.
      const schema = parts.at(type === 'ColumnRef' ? -3 : -2);
      const wholeName = Array.isArray(list) && list.length - parts.length <= (type === 'ColumnRef' ? 1 : 0);
      if (schema !== undefined && wholeName && key !== 'args') certain(schema);
    }
    if (isStar(type, value)) certain(strings(value['fields'] as Node[])[0] ?? '');
    const constant = constantOf(type, value);
    if (constant !== undefined) mentions.push(...mentionsInConstant(constant, line));
    if (setsSearchPath(type, value)) {
      for (const name of constantsIn(value['args'])) mentions.push(...asCertain(mentionsInConstant(name, line)));
    }
  });
  return mentions;
}

/**
 * The schemas that the constants of a stored definition may name: all else in it is bound to objects and follows them when they are
 * renamed.
 */
export function mentionsInDefinition(nodes: readonly Node[]): SchemaMention[] {
  const mentions: SchemaMention[] = [];
  const bound = new Set<unknown>();
  walk(nodes, (type, value) => {
    if (type === 'TypeCast' && OBJECT_TYPES.has(typeName(value))) {
      const argument = value['arg'] as Record<string, unknown> | undefined;
      if (argument?.['A_Const'] !== undefined) bound.add(argument['A_Const']);
    }
  });
  walk(nodes, (type, value) => {
    const constant = bound.has(value) ? undefined : constantOf(type, value);
    if (constant !== undefined) mentions.push(...mentionsInConstant(constant, 1));
    if (type === 'CreateTrigStmt') {
      for (const text of strings(value['args'] as Node[] | undefined)) mentions.push(...mentionsInConstant(text, 1));
    }
  });
  return mentions;
}

function typeName(cast: Record<string, unknown>): string {
  const type = cast['typeName'] as { names?: Node[] } | undefined;
  return strings(type?.names).at(-1) ?? '';
}

function constantOf(type: string, value: Record<string, unknown>): string | undefined {
  if (type !== 'A_Const') return undefined;
  return (value['sval'] as { sval?: string } | undefined)?.sval;
}

/** `SELECT schema.table.*` */
function isStar(type: string, value: Record<string, unknown>): boolean {
  const fields = type === 'ColumnRef' ? (value['fields'] as Node[]) : [];
  return fields.length === 3 && 'A_Star' in (fields[2] ?? {});
}

/** `SET search_path` and `set_config('search_path', …)`. */
function setsSearchPath(type: string, value: Record<string, unknown>): boolean {
  if (type === 'VariableSetStmt') return value['name'] === 'search_path';
  if (type !== 'FuncCall' || strings(value['funcname'] as Node[]).at(-1) !== 'set_config') return false;
  return constantsIn(value['args'])[0] === 'search_path';
}

function constantsIn(nodes: unknown): string[] {
  const constants: string[] = [];
  for (const node of (nodes as Node[] | undefined) ?? []) {
    const text = 'A_Const' in node ? node.A_Const.sval?.sval : undefined;
    if (text !== undefined) constants.push(text);
  }
  return constants;
}

function asCertain(mentions: SchemaMention[]): SchemaMention[] {
  return mentions.map((mention) => ({ ...mention, certain: true }));
}
