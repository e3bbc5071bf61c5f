import type { FormatName } from '../types.js';
import type { MigrationFormat } from './types.js';

const LOADERS: Record<FormatName, () => Promise<MigrationFormat>> = {
  drizzle: async () => (await import('./drizzle.js')).drizzle,
  prisma: async () => (await import('./prisma.js')).prisma,
  plain: async () => (await import('./plain.js')).plain,
  pairs: async () => (await import('./pairs.js')).pairs,
  dbmate: async () => (await import('./dbmate.js')).dbmate,
  goose: async () => (await import('./goose.js')).goose,
  flyway: async () => (await import('./flyway.js')).flyway,
};

/** The module of a format; loaded when it is needed. */
export async function findFormat(name: FormatName): Promise<MigrationFormat> {
  return await LOADERS[name]();
}
