import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { TenantsError } from '../errors/tenants-error.js';
import { orderNumber } from './compile/list-paths.js';

export type MigrationLanguage = 'sql' | 'js' | 'ts';

export type NewMigration = {
  /** Absolute path; created when it is missing. */
  directory: string;
  name: string;
  language: MigrationLanguage;
  now?: Date;
};

/**
 * Writes an empty migration that comes after all others of its directory; returns its path.
 *
 * The number in front continues the directory's own style: an index (`0001_`, also for an empty directory), milliseconds
 * or a 17-digit UTC date, as node-pg-migrate writes them. Spaces in the name become hyphens, as there; underscores stay.
 *
 * Throws `USAGE` for a name that makes no file name, `FILE_EXISTS` instead of overwriting anything.
 */
export async function createMigrationFile({
  directory,
  name,
  language,
  now = new Date(),
}: NewMigration): Promise<string> {
  const slug = toSlug(name);
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${nextPrefix(await readdir(directory), now)}_${slug}.${language}`);
  try {
    await writeFile(path, TEMPLATES[language], { flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    throw new TenantsError('FILE_EXISTS', `${path} exists already.`, { cause: error });
  }
  return path;
}

/** Quotes are left out because node-pg-migrate, run by hand, writes names unescaped into its SQL. */
const UNFIT = /[\p{Cc}/\\'"<>:|?*]/u;

function toSlug(name: string): string {
  const slug = name.trim().replaceAll(/\s+/g, '-');
  const fits = slug !== '' && slug.length <= 200 && !UNFIT.test(slug);
  if (fits) return slug;
  throw new TenantsError('USAGE', `"${name.slice(0, 200)}" cannot be the name of a migration.`, {
    suggestions: ['Use words such as add-invoices: at most 200 characters, no slashes, quotes or control characters.'],
  });
}

/** The next number, in the style of the file that is last at present. */
function nextPrefix(fileNames: string[], now: Date): string {
  const prefixes = fileNames.flatMap((fileName) => {
    const [prefix] = /^\d+/.exec(fileName) ?? [];
    const value = orderNumber(fileName);
    return prefix === undefined || value === undefined || Number.isNaN(value) ? [] : [{ prefix, value }];
  });
  const last = prefixes.reduce<(typeof prefixes)[number] | undefined>(
    (highest, one) => (highest === undefined || one.value > highest.value ? one : highest),
    undefined,
  );
  if (last === undefined) return '0001';
  const { prefix, value } = last;
  if (prefix.length === 17) return new Date(Math.max(now.getTime(), value + 1)).toISOString().replaceAll(/\D/g, '');
  if (prefix.length === 13) return String(Math.max(now.getTime(), value + 1));
  return String(value + 1).padStart(prefix.length, '0');
}

const TEMPLATES: Record<MigrationLanguage, string> = {
  sql: `-- Up Migration

-- Down Migration

`,
  js: `/** @param {import('pg-tenants/migrations').MigrationBuilder} pgm */
export function up(pgm) {
  pgm.sql(\`
  \`);
}

/** @param {import('pg-tenants/migrations').MigrationBuilder} pgm */
export function down(pgm) {
  pgm.sql(\`
  \`);
}
`,
  ts: `import type { MigrationBuilder } from 'pg-tenants/migrations';

export function up(pgm: MigrationBuilder): void {
  pgm.sql(\`
  \`);
}

export function down(pgm: MigrationBuilder): void {
  pgm.sql(\`
  \`);
}
`,
};
