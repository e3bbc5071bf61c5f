import { type Folder, sqlFiles, unreadableFolder } from './folder.js';
import { asksForNone } from './plain.js';
import type { MigrationFormat } from './types.js';
import { inOrderOfVersions, leadingNumber, type Versioned, withoutNumber } from './versions.js';

/** `0001_users.up.sql` and `0001_users.down.sql`, as in golang-migrate and sqlx. The down file may be missing. */
export const pairs: MigrationFormat = {
  name: 'pairs',
  howToCreate: 'Write both files: `migrate create -ext sql -dir DIRECTORY -seq NAME`, or `sqlx migrate add -r NAME`.',
  generated: false,

  async list(folder) {
    return inOrderOfVersions(folder, pairsOf(folder), 'pairs');
  },

  script(file, text, direction) {
    if (direction === 'down' && file.downPath === undefined) return undefined;
    return { parts: [{ text, line: 1 }], transaction: !asksForNone(text), comments: text };
  },
};

function pairsOf(folder: Folder): Versioned[] {
  const files = sqlFiles(folder);
  const unnumbered = files.filter((name) => leadingNumber(name) === undefined);
  if (unnumbered.length > 0) throw withoutNumber(folder, unnumbered.toSorted(), '0001_users.up.sql');
  const ups = files.filter((name) => /\.up\.sql$/i.test(name));
  const base = (name: string): string => name.replace(/\.(?:up|down)\.sql$/i, '');
  const known = new Set(ups.map((name) => base(name)));
  const lonely = files.filter((name) => /\.down\.sql$/i.test(name) && !known.has(base(name)));
  if (lonely.length > 0) {
    throw unreadableFolder(
      folder.directory,
      `${lonely.join(', ')} would undo a migration that is not there.`,
      ['Restore the .up.sql file with the same name, or remove the .down.sql file.'],
      lonely.map((name) => `${base(name)}.up.sql does not exist`),
    );
  }
  return ups.map((fileName) => {
    const downFile = files.find((name) => /\.down\.sql$/i.test(name) && base(name) === base(fileName));
    const version = leadingNumber(fileName) ?? '';
    return { fileName, name: base(fileName), version, ...(downFile === undefined ? {} : { downFile }) };
  });
}
