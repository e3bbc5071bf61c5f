import type { Node } from 'libpg-query';

import { literalText } from '../../sql/parse/options.js';
import { functionCalls, strings, walk } from '../../sql/parse/walk.js';
import type { NameKind } from './own-names.js';

/** A string that names an object with the application's schema, as in `nextval('public.users_id_seq')`. */
export type Literal = {
  kinds: readonly NameKind[];
  name: string;
  /** The value of the string. */
  text: string;
  /** The string as it is usually written. */
  written: string;
  /** The value without the schema. */
  bare: string;
};

const KINDS: Record<string, readonly NameKind[]> = {
  regclass: ['relation'],
  regtype: ['type', 'relation'],
  regproc: ['function'],
  nextval: ['relation'],
  currval: ['relation'],
  setval: ['relation'],
  to_regclass: ['relation'],
  to_regtype: ['type', 'relation'],
  pg_get_serial_sequence: ['relation'],
};

/** The strings of a statement that the server reads as the name of an object. */
export function namedByText(node: Node, schema: string): Literal[] {
  const found: Literal[] = [];
  const add = (by: string, text: string | undefined): void => {
    const kinds = Object.hasOwn(KINDS, by) ? KINDS[by] : undefined;
    const literal = kinds === undefined || text === undefined ? undefined : toLiteral(text, schema, kinds);
    if (literal !== undefined) found.push(literal);
  };
  walk(node, (type, value) => {
    if (type !== 'TypeCast') return;
    const { arg, typeName } = value as { arg?: Node; typeName?: { names?: Node[] } };
    add(strings(typeName?.names).at(-1) ?? '', literalText(arg));
  });
  for (const { name, args } of functionCalls(node)) add(name, literalText(args[0]));
  return [...new Map(found.map((literal) => [literal.text, literal])).values()];
}

function toLiteral(text: string, schema: string, kinds: readonly NameKind[]): Literal | undefined {
  const [, qualifier = '', bare = ''] =
    /^\s*("(?:[^"]|"")+"|[A-Za-z_\u0080-\uFFFF][\w$\u0080-\uFFFF]*)\s*\.\s*("(?:[^"]|"")+"|[A-Za-z_\u0080-\uFFFF][\w$\u0080-\uFFFF]*)\s*$/.exec(
      text,
    ) ?? [];
  if (bare === '' || value(qualifier) !== schema) return undefined;
  return { kinds, name: value(bare), text, written: `'${text.replaceAll("'", "''")}'`, bare };
}

function value(written: string): string {
  return written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written.toLowerCase();
}
