import { sqlFiles } from './folder.js';
import type { MigrationFormat } from './types.js';
import { inOrderOfNumbers } from './versions.js';

/** Numbered SQL files without any markers, each the whole of a migration, as sqlx writes them too. No way back. */
export const plain: MigrationFormat = {
  name: 'plain',
  howToCreate: 'Write the next file by hand, such as 0007_add_invoices.sql.',
  generated: false,

  async list(folder) {
    return inOrderOfNumbers(folder, sqlFiles(folder), 'plain', '0001_users.sql');
  },

  script(_file, text, direction) {
    if (direction === 'down') return undefined;
    return { parts: [{ text, line: 1 }], transaction: !asksForNone(text), comments: text };
  },
};

/** sqlx looks at the very beginning of a file. */
export function asksForNone(text: string): boolean {
  return text.startsWith('-- no-transaction');
}
