/** A statement on one line for messages, at most `length` characters. */
export function shorten(sql: string, length = 100): string {
  const line = sql
    .slice(0, length * 4)
    .replace(/\s+/g, ' ')
    .trim();
  const characters = [...line];
  return characters.length <= length ? line : `${characters.slice(0, length - 1).join('')}…`;
}
