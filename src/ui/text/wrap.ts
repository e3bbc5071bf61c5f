import { displayWidth } from './display-width.js';

/**
 * A plain text in lines of at most so many columns, broken between words; a longer word has a line of its own. Without
 * a width it stays one line.
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
