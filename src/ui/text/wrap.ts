import { stripVTControlCharacters } from 'node:util';

import { displayWidth } from './display-width.js';

/**
 * Wraps a text, plain or styled, between words to lines of at most `columns` columns; a longer word gets its own line. Without
 * a width the text remains one line.
 *
 * @param indent begins every line but the first
 */
export function wrap(text: string, columns: number | undefined, indent = ''): string[] {
  if (columns === undefined || widthOf(text) <= columns) return [text];
  const [, start = '', rest = ''] = /^( *)(.*)$/s.exec(text) ?? [];
  const lines: string[] = [];
  let line = '';
  for (const word of rest.split(' ')) {
    const longer = line === '' ? (lines.length === 0 ? start : indent) + word : `${line} ${word}`;
    if (line !== '' && widthOf(longer) > columns) {
      lines.push(line);
      line = indent + word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}

function widthOf(text: string): number {
  return displayWidth(stripVTControlCharacters(text));
}
