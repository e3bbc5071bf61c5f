/** Cuts text that comes in pieces into lines without their ends. */
export class LineSplitter {
  readonly #longest: number;
  #rest = '';

  /** @param longest a line that does not end is handed over in pieces of this many characters */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** The lines that this text completes. */
  push(text: string): string[] {
    const lines = (this.#rest + text).split('\n');
    let rest = lines.pop() ?? '';
    for (; rest.length > this.#longest; rest = rest.slice(this.#longest)) lines.push(rest.slice(0, this.#longest));
    this.#rest = rest;
    return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  }

  /** What has come of a line that has not ended; at the end of the text, a last line without an end. */
  get rest(): string {
    return this.#rest;
  }
}
