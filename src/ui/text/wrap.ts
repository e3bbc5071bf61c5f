import { displayWidth } from './display-width.js';

/**
 * Wraps a plain text between words to lines of at most `columns` columns; a longer word gets its own line. Without a width
 * the text remains one line.
 */
export function wrap(text: string, columns: number | undefined): string[] {
  if (columns === undefined || displayWidth(text) <= columns) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && displayWidth(longer) > columns) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}
