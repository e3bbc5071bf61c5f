import type { WrittenMigrations } from './write-migrations.js';

/** Names that stand on one line of the comment. */
const NAMES = 4;

/** The text of a migration file that takes the place of others. Pure. */
export function formatSquashed(replaces: readonly string[], { statements, defaults }: WrittenMigrations): string {
  const lines: string[] = [];
  for (let start = 0; start < replaces.length; start += NAMES) {
    lines.push(`-- tenants: replaces ${replaces.slice(start, start + NAMES).join(' ')}`);
  }
  if (defaults.length > 0) {
    lines.push(`-- Values that differ each time come from the defaults of: ${defaults.join(', ')}`);
  }
  return `${[...lines, '', '-- Up Migration', '', ...statements].join('\n')}\n`;
}
