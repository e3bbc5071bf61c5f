import { TenantsError } from '../../errors/tenants-error.js';
import type { FormatName, FormatSetting, MigrationFile, MigrationSource } from '../types.js';
import { readFolder } from './folder.js';
import { recognizeNames } from './markers.js';
import { recognizeFolders } from './recognize-folders.js';
import { isBuilderFormat } from './types.js';

/** What a directory shows itself to be. */
export type Recognized = { format: FormatName; setting: Exclude<FormatSetting, 'auto'> };

/** What people call the formats. */
export const TITLES: Record<FormatName, string> = {
  drizzle: 'Drizzle',
  prisma: 'Prisma',
  plain: 'plain SQL files',
  pairs: 'golang-migrate or sqlx (.up.sql and .down.sql)',
  dbmate: 'dbmate',
  goose: 'goose',
  flyway: 'Flyway',
  knex: 'Knex',
  kysely: 'Kysely',
  module: 'a format of the project',
};

/**
 * Refuses a directory of another tool that is configured as node-pg-migrate's own.
 *
 * @throws TenantsError MIGRATIONS_UNREADABLE with the line of configuration to write.
 */
export async function assertNotForeign(source: MigrationSource): Promise<void> {
  const found = await recognizedForeign(source);
  if (found !== undefined) throw foreignFormatError(source.directory, found);
}

/** The tool to which a directory belongs, as far as the names of its files and folders show it. */
export async function recognizedForeign({
  directory,
  ignorePattern,
}: Pick<MigrationSource, 'directory' | 'ignorePattern'>): Promise<(Recognized & { title: string }) | undefined> {
  const folder = await readFolder(directory, ignorePattern);
  const named = recognizeNames(folder.files);
  if (named !== undefined) return { format: named, setting: 'sql', title: TITLES[named] };
  const found = await recognizeFolders(folder);
  return found === undefined ? undefined : { format: found, setting: found, title: TITLES[found] };
}

/** The error for what another tool wrote, with the line of configuration to write. */
export function foreignFormatError(path: string, { format, setting }: Recognized): TenantsError {
  return new TenantsError(
    'MIGRATIONS_UNREADABLE',
    `${path} has the format of ${TITLES[format]}, and is configured as node-pg-migrate's.`,
    {
      suggestions: [
        `Write \`format: '${setting}'\` beside \`migrations\` in the configuration (tenants.format, shared.format).`,
      ],
    },
  );
}

/** What `auto` took a directory for, and the setting that says the same for certain; nothing for an empty one. */
export function recognizedAs({ directory }: MigrationSource, files: readonly MigrationFile[]): string[] {
  const [file] = files;
  if (file === undefined) return [];
  const { format } = file;
  const [title, setting] =
    format === undefined ? ['node-pg-migrate', 'node-pg-migrate'] : [TITLES[format], settingOf(format)];
  return [`${directory} is read as ${title}, because its format is 'auto'. To say so, write format: '${setting}'.`];
}

/** The setting that says for certain what `auto` finds. */
export function settingOf(format: FormatName): Recognized['setting'] {
  return isBuilderFormat(format) || format === 'drizzle' || format === 'prisma' ? format : 'sql';
}
