const MASK = '***';

/**
 * Masks what could be a password: in connection URLs, in `password=…` pairs of connection strings, in JSON, and in SQL
 * (`ALTER ROLE … PASSWORD '…'`, options of foreign servers). Rather masks too much than too little: everything up to the
 * last `@` of a URL counts, since passwords are often not percent-encoded.
 */
export function redact(text: string): string {
  return text
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)\S*@/gi, `$1${MASK}@`)
    .replace(/("\w*password"\s*:\s*)"(?:[^"\\]|\\.)*"/gi, `$1"${MASK}"`)
    .replace(/(password\s*=\s*)(?:'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|[^\s&,;'")]+)/gi, `$1${MASK}`)
    .replace(/(\bpassword\s+)(?:E|U&)?(?:'(?:[^']|'')*'|\$(\w*)\$[\s\S]*?\$\2\$)/gi, `$1'${MASK}'`);
}

/** The same for every string of a plain JSON value; used for whole documents. Keys stay as they are. */
export function redactDeep<T>(value: T): T;
export function redactDeep(value: unknown): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((item) => redactDeep<unknown>(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redactDeep<unknown>(item)]));
}
