import { migrationName } from '../../util/migration-files.js';
import type { MigrationFile } from '../types.js';
import { readIfThere, sqlFiles, unreadableFolder } from './folder.js';
import { FLYWAY_NAME } from './markers.js';
import { lineAtIndex } from './script-lines.js';
import { type MigrationFormat, ScriptError } from './types.js';
import { compareVersions, inOrderOfVersions } from './versions.js';

/** What Flyway runs again whenever it changes, and what it runs around others. */
const OTHER_NAME = /^(?:R__|(?:before|after)[A-Z])[^/]*\.sql$/;

/** Flyway's versioned migrations (`V1__name.sql`), with its undo migrations (`U1__name.sql`) where there are any. */
export const flyway: MigrationFormat = {
  name: 'flyway',
  howToCreate: 'Write the next file by hand, such as V7__add_invoices.sql.',
  generated: false,

  async list(folder) {
    const files = sqlFiles(folder);
    const others = files.filter((name) => !FLYWAY_NAME.test(name));
    if (others.length > 0) {
      const repeated = others.filter((name) => OTHER_NAME.test(name));
      throw unreadableFolder(
        folder.directory,
        repeated.length > 0
          ? `${repeated.join(', ')}: repeatable migrations and callbacks have no place in an order of versions.`
          : `${others.join(', ')} is not named like a versioned migration of Flyway.`,
        [
          repeated.length > 0
            ? 'Put what they do into versioned migrations, and leave the files out with `ignorePattern`.'
            : 'Name the files like V1__users.sql (two underscores), or leave them out with `ignorePattern`.',
        ],
        others.map((name) => `${name} is not a versioned migration`),
      );
    }
    const versioned = files
      .filter((name) => name.startsWith('V'))
      .map((fileName) => {
        const version = versionOf(fileName);
        const downFile = files.find((name) => name.startsWith('U') && compareVersions(versionOf(name), version) === 0);
        return { fileName, name: migrationName(fileName), version, ...(downFile === undefined ? {} : { downFile }) };
      });
    const listed = inOrderOfVersions(folder, versioned, 'flyway');
    await Promise.all(listed.map((file) => assertNoScriptConfig(folder.directory, file)));
    return listed;
  },

  script(file, text, direction) {
    if (direction === 'down' && file.downPath === undefined) return undefined;
    const placeholder = /\$\{[^}\n]*\}/.exec(text);
    if (placeholder !== null) {
      throw new ScriptError(
        `${placeholder[0]} is a placeholder of Flyway, which has no value here: write the value into the file.`,
        lineAtIndex(text, placeholder.index),
      );
    }
    return { parts: [{ text, line: 1 }], transaction: true, comments: text };
  },
};

/** The version of a file that is named like a migration of Flyway. */
export function versionOf(fileName: string): string {
  return FLYWAY_NAME.exec(fileName)?.[2] ?? '0';
}

async function assertNoScriptConfig(directory: string, { path }: MigrationFile): Promise<void> {
  if ((await readIfThere(`${path}.conf`)) === undefined) return;
  throw unreadableFolder(directory, `${path}.conf is a script configuration of Flyway, which is not read here.`, [
    'Write `-- tenants: no-transaction` into the SQL file where it says executeInTransaction=false, and remove the .conf file.',
  ]);
}
