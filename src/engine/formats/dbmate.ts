import type { Direction } from '../types.js';
import { sqlFiles } from './folder.js';
import { linesOf, partOf } from './script-lines.js';
import { type MigrationFormat, type Script, ScriptError } from './types.js';
import { inOrderOfNumbers } from './versions.js';

const MARKER = /^--\s*migrate:(up|down)\b(.*)$/i;

/** Files with `-- migrate:up` and `-- migrate:down`. */
export const dbmate: MigrationFormat = {
  name: 'dbmate',
  howToCreate: 'Run `dbmate new NAME`, with `--migrations-dir` for the directory.',
  generated: false,

  async list(folder) {
    return inOrderOfNumbers(folder, sqlFiles(folder), 'dbmate', '20240131120000_users.sql');
  },

  script(_file, text, direction) {
    return blocks(text)[direction];
  },
};

function blocks(text: string): Partial<Record<Direction, Script>> {
  const lines = linesOf(text);
  const markers = lines.flatMap((line, index) => {
    const [, word = '', options = ''] = MARKER.exec(line.text.trimEnd()) ?? [];
    return word === '' ? [] : [{ index, number: line.number, direction: word.toLowerCase() as Direction, options }];
  });
  const [first, second, third] = markers;
  if (first?.direction !== 'up') {
    throw new ScriptError('dbmate expects `-- migrate:up` before anything else.', first?.number ?? 1);
  }
  if (third !== undefined || second?.direction === 'up') {
    throw new ScriptError(
      'There is a second `-- migrate:` marker for the same direction.',
      (third ?? second)?.number ?? 1,
    );
  }
  const preamble = lines.slice(0, first.index);
  const block = (from: typeof first, to: number | undefined): Script => {
    const own = lines.slice(from.index + 1, to);
    const comments = [...preamble, ...own].map((line) => line.text).join('');
    return { parts: partOf(own), transaction: !/\btransaction:false\b/i.test(from.options), comments };
  };
  const up = block(first, second?.index);
  return second === undefined ? { up } : { up, down: block(second, undefined) };
}
