const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;

/**
 * A horizontal bar of a fixed width in columns, drawn in eighths of a character.
 *
 * A share above 0 shows at least a sliver, and a share below 1 never fills the bar, so that one failed tenant of 10,000 is
 * visible.
 */
export function bar(share: number, columns: number, empty = ' '): string {
  const bounded = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0));
  let eighths = Math.round(bounded * columns * 8);
  if (bounded > 0) eighths = Math.max(1, eighths);
  if (bounded < 1) eighths = Math.min(columns * 8 - 1, eighths);
  const filled = '█'.repeat(Math.floor(Math.max(0, eighths) / 8)) + (EIGHTHS[Math.max(0, eighths) % 8] ?? '');
  return filled + empty.repeat(Math.max(0, columns - filled.length));
}
