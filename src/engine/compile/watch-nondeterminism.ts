import { AsyncLocalStorage } from 'node:async_hooks';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { patchClocks } from './patch-clocks.js';

/** A clock or a source of randomness was used: `Date.now()`, and the file whose code did it where that is known. */
export type NondeterminismUse = { what: string; file: string | undefined };

export type Watch = {
  /** ms by which every clock is ahead, so that two compiles never see the same time. */
  shiftMs: number;
  notice(use: NondeterminismUse): void;
  /** A folder whose code is not noticed: of the tool that the action is written for. */
  ignored?: string | undefined;
};

const watches = new AsyncLocalStorage<Watch>();

/** jiti measures how long it takes, and names temporary files by time and chance. */
const JITI = /[\\/]jiti[\\/]dist[\\/]/;
/** The two files of ours through which every use passes. */
const OWN_FILES = new Set(
  ['watch-nondeterminism', 'patch-clocks'].map((name) =>
    join(import.meta.dirname, `${name}${extname(import.meta.filename)}`),
  ),
);

let installed = 0;
let restore: () => void = () => undefined;

/**
 * Runs `action` and notices when it, or what it starts, reads a clock or draws a random value.
 *
 * The sources of the process are replaced while any action is watched. Code outside the actions gets the real values
 * and is not noticed: who calls is told by the asynchronous context.
 */
export async function watchNondeterminism<T>(watch: Watch, action: () => T | Promise<T>): Promise<T> {
  return await replaceSources(() => watches.run(watch, action));
}

/**
 * Runs `action` with the sources replaced, and watches nothing. Around many that are watched it spares replacing and
 * restoring for each of them, which takes longer than they do.
 */
export async function replaceSources<T>(action: () => T | Promise<T>): Promise<T> {
  if (installed === 0) restore = patchClocks({ note, shiftMs: () => watches.getStore()?.shiftMs ?? 0 });
  installed += 1;
  try {
    return await action();
  } finally {
    installed -= 1;
    if (installed === 0) {
      restore();
      // Otherwise every promise of the rest of the run pays for it.
      watches.disable();
    }
  }
}

function note(what: string): void {
  const watch = watches.getStore();
  if (watch === undefined) return;
  const file = callingFile();
  const isTool = watch.ignored !== undefined && file?.startsWith(join(watch.ignored, sep)) === true;
  if (file === undefined || !(isTool || JITI.test(file))) watch.notice({ what, file });
}

/** The file of the first frame that is neither ours nor Node's; `undefined` for evaluated code without a file. */
function callingFile(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 12;
  const { stack = '' } = new Error('where');
  Error.stackTraceLimit = limit;
  for (const line of stack.split('\n').slice(1)) {
    if (/[( ]node:|<anonymous>\)?$/.test(line)) continue;
    const [, location] = /(?:\(|at (?:async )?)((?:file:\/\/|\/|[A-Za-z]:[\\/])[^()]*):\d+:\d+\)?$/.exec(line) ?? [];
    if (location === undefined) return undefined;
    const file = location.startsWith('file:') ? fileURLToPath(location) : location;
    if (!OWN_FILES.has(file)) return file;
  }
  return undefined;
}
