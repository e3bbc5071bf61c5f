import { isAbsolute } from 'node:path';

import { TenantsError } from '../../errors/tenants-error.js';
import type { FormatName, FormatSetting, MigrationSource } from '../types.js';
import { findFormat, type FormatKey } from './find-format.js';
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
  const { format, ...key } = await decide(directory, ignorePattern, setting);
  if (format === undefined) return;
  const { howToCreate, title = TITLES[format] } = await findFormat({ format, ...key });
  throw new TenantsError('USAGE', `The migrations in ${directory} are those of ${title}, which makes new ones.`, {
    suggestions: [howToCreate],
  });
}

async function decide(
  directory: string,
  ignorePattern: string | undefined,
  setting: FormatSetting,
): Promise<FormatKey> {
  if (isAbsolute(setting)) return { format: 'module', module: setting };
  if (setting !== 'sql' && setting !== 'auto') return { format: setting as Exclude<FormatName, 'module'> };
  // A directory that is not there yet is nobody's.
  const folder = await readFolder(directory, ignorePattern).catch(() => ({ directory, files: [], folders: [] }));
  return setting === 'sql' ? { format: await recognizeSql(folder) } : { ...(await recognizeFormat(folder)) };
}
