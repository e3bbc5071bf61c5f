import type { Place } from './types.js';

const UNKNOWN: Place = { line: undefined, column: undefined, offset: undefined };

/**
 * Gives the places of byte offsets (of UTF-8) into a part of a file. Cheap where the questions ascend.
 *
 * @param step the part, as node-pg-migrate cut it out; it may have added a semicolon
 * @param line where the part begins; enough to tell lines where the part is not written in the file as it is
 */
export function placesIn(text: string, step: string, line?: number): (at: number) => Place {
  const exact = text.indexOf(step);
  const found = exact >= 0 || !step.endsWith(';') ? exact : text.indexOf(step.slice(0, -1));
  if (found < 0) {
    return line === undefined ? () => UNKNOWN : (at) => ({ ...UNKNOWN, line: line + newlinesBefore(step, at) });
  }
  // The parse tree knows no byte order mark.
  const mark = step.startsWith('\uFEFF') ? 1 : 0;
  const bytes = Buffer.from(step.slice(mark), 'utf8');
  let last = { at: 0, units: 0 };
  const newlines = lineBeginnings(text);
  return (at) => {
    if (at < last.at) last = { at: 0, units: 0 };
    last = { at, units: last.units + bytes.toString('utf8', last.at, at).length };
    const offset = found + mark + last.units;
    const line = lineOf(newlines, offset);
    return { line: line + 1, column: offset - (newlines[line] ?? 0) + 1, offset };
  };
}

/** For statements of scripts: at most the line is known. */
export function unknownPlaces(line: number | undefined): (at: number) => Place {
  return () => ({ ...UNKNOWN, line });
}

/** The place of an index of the text. */
export function placeAt(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const begin = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - begin + 1 };
}

function newlinesBefore(step: string, at: number): number {
  return Buffer.from(step, 'utf8').toString('utf8', 0, at).split('\n').length - 1;
}

function lineBeginnings(text: string): number[] {
  const beginnings = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) beginnings.push(at + 1);
  return beginnings;
}

function lineOf(beginnings: readonly number[], offset: number): number {
  let low = 0;
  let high = beginnings.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((beginnings[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
