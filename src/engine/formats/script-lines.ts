import type { ScriptPart } from './types.js';

/** The line of an index into a text, from 1. */
export function lineAtIndex(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < index; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

/** A line with its number, from 1, and its line break. */
export type Line = { text: string; number: number };

export function linesOf(text: string): Line[] {
  return (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((line, index) => ({ text: line, number: index + 1 }));
}

/** Lines that follow each other, as one part. */
export function partOf(lines: readonly Line[]): ScriptPart[] {
  const [first] = lines;
  return first === undefined ? [] : [{ text: lines.map(({ text }) => text).join(''), line: first.number }];
}
