import type { Node } from 'libpg-query';

import { strings as stringsOf } from '../../sql/parse/walk.js';
import type { StringPlace } from './tokens.js';

/** A body in dollar quotes: its text without them, and the quote. */
export type Body = { place: StringPlace; text: string; open: string };

/**
 * The code in a statement: bodies of functions and `DO` blocks. `unreachable` are bodies that are written in another way than
 * between dollar quotes.
 */
export function codeOf(node: Node, strings: readonly StringPlace[]): { bodies: Body[]; unreachable: string[] } {
  const bodies: Body[] = [];
  const unreachable: string[] = [];
  for (const text of bodyTexts(node)) {
    const place = strings.find(({ written }) => dollarQuote(written, text) !== undefined);
    const open = place === undefined ? undefined : dollarQuote(place.written, text);
    if (place !== undefined && open !== undefined) bodies.push({ place, text, open });
    else unreachable.push(text);
  }
  return { bodies, unreachable };
}

function bodyTexts(node: Node): string[] {
  const options =
    'DoStmt' in node ? node.DoStmt.args : 'CreateFunctionStmt' in node ? node.CreateFunctionStmt.options : undefined;
  return (options ?? []).flatMap((option) => {
    if (!('DefElem' in option) || option.DefElem.defname !== 'as') return [];
    const { arg } = option.DefElem;
    if (arg === undefined) return [];
    return stringsOf('List' in arg ? arg.List.items : [arg]);
  });
}

function dollarQuote(written: string, text: string): string | undefined {
  const quote = /^\$[^$]*\$/.exec(written)?.[0];
  return quote !== undefined && written === `${quote}${text}${quote}` ? quote : undefined;
}
