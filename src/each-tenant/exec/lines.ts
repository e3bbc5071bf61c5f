/** A line that does not end is handed over in pieces of this many characters. */
const LONGEST_LINE = 64 * 1024;

/**
 * The lines of a stream of text, without their ends; a last line need not have one. Lines that have come together are handed
 * over together, and the next ones are read only when those were taken.
 */
export async function* readLines(chunks: AsyncIterable<string>): AsyncGenerator<string[]> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (; rest.length > LONGEST_LINE; rest = rest.slice(LONGEST_LINE)) lines.push(rest.slice(0, LONGEST_LINE));
    if (lines.length > 0) yield lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  }
  if (rest !== '') yield [rest];
}
