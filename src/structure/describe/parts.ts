/** A part as text; what is absent is empty. */
export function text(part: unknown): string {
  if (part === undefined || part === null) return '';
  return typeof part === 'object' ? JSON.stringify(part) : String(part as string | number | boolean);
}

/** A list of texts; what is absent is empty. */
export function texts(part: unknown): string[] {
  return Array.isArray(part) ? part.map((one) => text(one)) : [];
}
