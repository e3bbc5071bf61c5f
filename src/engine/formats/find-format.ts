import { TenantsError } from '../../errors/tenants-error.js';
import type { BuilderFormat, FormatName } from '../types.js';
import { isBuilderFormat, type ListedFormat, type MigrationFormat } from './types.js';

const LOADERS: Record<Exclude<FormatName, BuilderFormat | 'module'>, () => Promise<MigrationFormat>> = {
  drizzle: async () => (await import('./drizzle.js')).drizzle,
  prisma: async () => (await import('./prisma.js')).prisma,
  plain: async () => (await import('./plain.js')).plain,
  pairs: async () => (await import('./pairs.js')).pairs,
  dbmate: async () => (await import('./dbmate.js')).dbmate,
  goose: async () => (await import('./goose.js')).goose,
  flyway: async () => (await import('./flyway.js')).flyway,
};

/** A format, by name; `module` is the absolute path of a format of the user's. */
export type FormatKey = { format?: FormatName; module?: string };

/** How migrations of a format are found; its module is loaded when it is needed. */
export async function findFormat(key: FormatKey & { format: FormatName }): Promise<ListedFormat> {
  return isBuilderFormat(key.format)
    ? (await import('./builders.js')).BUILDERS[key.format]
    : await findScriptFormat(key);
}

/** How a format whose files say what is sent takes them apart. */
export async function findScriptFormat({ format, module }: FormatKey): Promise<MigrationFormat> {
  if (format === 'module' && module !== undefined) return await (await import('./load-format.js')).loadFormat(module);
  if (format === undefined || format === 'module' || isBuilderFormat(format)) {
    throw new TenantsError('UNEXPECTED', `Migrations of the format ${String(format)} have no script to be read.`);
  }
  return await LOADERS[format]();
}
