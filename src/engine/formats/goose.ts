import type { Direction } from '../types.js';
import { sqlFiles, unreadableFolder } from './folder.js';
import { type Line, linesOf, partOf } from './script-lines.js';
import { type MigrationFormat, type Script, ScriptError } from './types.js';
import { inOrderOfNumbers } from './versions.js';

const ANNOTATION = /^\s*--\s*\+goose\s+(.+?)\s*$/;

/** Files with `-- +goose Up` and `-- +goose Down`, and statements that may stand between StatementBegin and StatementEnd. */
export const goose: MigrationFormat = {
  name: 'goose',
  howToCreate: 'Run `goose -dir DIRECTORY create NAME sql`.',
  generated: false,

  async list(folder) {
    const code = folder.files.filter((name) => /^\d.*\.go$/i.test(name));
    if (code.length > 0) {
      throw unreadableFolder(
        folder.directory,
        `${code.join(', ')} ${code.length === 1 ? 'is' : 'are'} written in Go, which is not run here.`,
        ['Rewrite the migration as SQL, or leave the file out with `ignorePattern`.'],
        code.map((name) => `${name} is not SQL`),
      );
    }
    return inOrderOfNumbers(folder, sqlFiles(folder), 'goose', '00001_users.sql');
  },

  script(_file, text, direction) {
    return read(text)[direction];
  },
};

/** goose knows its words in any case, and nothing else after `+goose`. */
function read(text: string): Partial<Record<Direction, Script>> {
  const lines = { preamble: [] as Line[], up: [] as Line[], down: [] as Line[] };
  const found = new Set<Direction>();
  let section: keyof typeof lines = 'preamble';
  let open: number | undefined;
  let transaction = true;
  for (const line of linesOf(text)) {
    const word = ANNOTATION.exec(line.text)?.[1]?.toLowerCase().replaceAll(/\s+/g, ' ');
    if (word === 'up' || word === 'down') {
      if (open !== undefined) throw new ScriptError('`-- +goose StatementBegin` has no StatementEnd.', open);
      if (found.has(word)) throw new ScriptError(`\`-- +goose ${word}\` stands in the file twice.`, line.number);
      if (word === 'down' && !found.has('up')) {
        throw new ScriptError('`-- +goose Down` comes before `-- +goose Up`.', line.number);
      }
      found.add(word);
      section = word;
      continue;
    }
    if (word === 'statementbegin') open = line.number;
    else if (word === 'statementend') {
      if (open === undefined) throw new ScriptError('`-- +goose StatementEnd` has no StatementBegin.', line.number);
      open = undefined;
    } else if (word === 'no transaction') transaction = false;
    else if (word !== undefined) throw new ScriptError(`\`-- +goose ${word}\` is not supported here.`, line.number);
    lines[section].push(line);
  }
  if (open !== undefined) throw new ScriptError('`-- +goose StatementBegin` has no StatementEnd.', open);
  if (!found.has('up')) throw new ScriptError('goose expects `-- +goose Up` in the file.', 1);
  return Object.fromEntries(
    [...found].map((direction) => {
      const own = lines[direction];
      const comments = [...lines.preamble, ...own].map((line) => line.text).join('');
      // The grammar finds the ends of statements by itself: StatementBegin and StatementEnd are comments to it.
      return [direction, { parts: partOf(own), transaction, comments }];
    }),
  );
}
