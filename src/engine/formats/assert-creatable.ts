import { TenantsError } from '../../errors/tenants-error.js';
import type { FormatName, FormatSetting, MigrationSource } from '../types.js';
import { findFormat } from './find-format.js';
import { readFolder } from './folder.js';
import { TITLES } from './foreign.js';
import { recognizeFormat, recognizeSql } from './recognize.js';

/**
 * Refuses to write a migration into a directory of another tool, which numbers its files and keeps books about them itself.
 *
 * @throws TenantsError USAGE with how the tool is asked for a migration; MIGRATIONS_UNREADABLE.
 */
export async function assertCreatable(
  { directory, ignorePattern }: Pick<MigrationSource, 'directory' | 'ignorePattern'>,
  setting: FormatSetting | undefined,
): Promise<void> {
  if (setting === undefined) return;
  const name = await decide(directory, ignorePattern, setting);
  if (name === undefined) return;
  const { howToCreate } = await findFormat(name);
  throw new TenantsError(
    'USAGE',
    `The migrations in ${directory} are those of ${TITLES[name]}, which makes new ones.`,
    {
      suggestions: [howToCreate],
    },
  );
}

async function decide(
  directory: string,
  ignorePattern: string | undefined,
  setting: FormatSetting,
): Promise<FormatName | undefined> {
  if (setting === 'drizzle' || setting === 'prisma') return setting;
  // A directory that is not there yet is nobody's.
  const folder = await readFolder(directory, ignorePattern).catch(() => ({ directory, files: [], folders: [] }));
  return setting === 'sql' ? await recognizeSql(folder) : (await recognizeFormat(folder))?.format;
}
