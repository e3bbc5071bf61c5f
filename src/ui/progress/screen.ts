import { stripVTControlCharacters } from 'node:util';

import { displayWidth } from '../text/display-width.js';
import type { OutputStream } from '../text/format-context.js';

/** A new frame begins by erasing the old one: erase line, cursor up, cursor to the left. */
// oxlint-disable-next-line no-control-regex
const GOING_BACK = /^(?:\u001B\[(?:2K|1A|G))*/;

/** Cursor up, and erase the line. */
const ERASE_ABOVE = '\u001B[1A\u001B[2K';

const guarded = new WeakSet<OutputStream>();

/**
 * A stream that can be written to forever: a reader that went away (EPIPE) or a terminal that was closed (EIO) makes it
 * silent, and nothing throws. While a frame is being redrawn, `print` puts lines above it.
 */
export class Screen {
  readonly #stream: OutputStream;
  #broken = false;
  #drawing = false;
  #waiting: string[] = [];
  /** What the latest frame consists of, while it is on the screen. */
  #frame = '';

  constructor(stream: OutputStream) {
    this.#stream = stream;
    if (!guarded.has(stream)) {
      guarded.add(stream);
      // Without a listener the asynchronous EPIPE of a pipe would end the process.
      stream.on?.('error', () => undefined);
    }
  }

  get isTTY(): boolean {
    return this.#stream.isTTY === true;
  }

  /** 80 if the terminal does not report its width. */
  get columns(): number {
    return this.#stream.columns || 80;
  }

  get rows(): number {
    return this.#stream.rows || 24;
  }

  /** Between `true` and `false` someone redraws a frame, and printed lines wait for its next one. */
  set drawing(drawing: boolean) {
    this.#drawing = drawing;
    if (!drawing && this.#waiting.length > 0) this.write('');
  }

  /** Prints a line that stays on the screen. */
  print(line: string): void {
    this.#waiting.push(`${line}\n`);
    if (!this.#drawing) this.write('');
  }

  /** Writes raw text; waiting lines are inserted after the old frame was erased and before the new one. */
  write(text: string): boolean {
    const back = GOING_BACK.exec(text)?.[0] ?? '';
    const rest = text.slice(back.length);
    const erased = back === '' ? '' : back + ERASE_ABOVE.repeat(this.#wrappedRows());
    const output = erased + this.#waiting.join('') + rest;
    if (this.#drawing) this.#frame = rest;
    this.#waiting = [];
    if (this.#broken || output === '') return true;
    try {
      this.#stream.write(output);
    } catch {
      this.#broken = true;
    }
    return true;
  }

  /** Rows that the latest frame takes beyond its lines, because the terminal has become narrower since. */
  #wrappedRows(): number {
    const lines = stripVTControlCharacters(this.#frame).split('\n');
    const rows = lines.map((line) => Math.max(1, Math.ceil(displayWidth(line) / this.columns)));
    return rows.reduce((sum, count) => sum + count, 0) - lines.length;
  }
}
