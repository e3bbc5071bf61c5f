/** Settings that statements make for the session, and not for their transaction alone. */
export type SessionSettings = {
  /** In lower case. */
  readonly names: Set<string>;
  /** There may be others, whose names the text does not say. */
  unknown: boolean;
};

/** What says nothing of `set` sets nothing. */
const SETS = /\bset(?:_config)?\b/i;
const BLANK = String.raw`(?:\s|--[^\n]*(?:\n|$)|\/\*[^]*?\*\/)`;
const PART = String.raw`(?:"[^"]+"|[\w$\u0080-\uFFFF]+)`;
/** `SET` as a statement: the one of an `UPDATE` follows a name. At the beginning of a text it is refused. */
const STATEMENT = new RegExp(
  String.raw`(?:;|\b(?:begin|then|else|loop)\b)${BLANK}*set${BLANK}+(?!(?:local|transaction|constraints)\b)(?:session${BLANK}+)?(${PART}(?:\.${PART})*)`,
  'gi',
);
const CALL = /\bset_config"?\s*\(/gi;
const BLOCK = new RegExp(String.raw`^${BLANK}*do\b`, 'i');

/** What `SET` calls by other names. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  time: 'timezone',
  names: 'client_encoding',
  schema: 'search_path',
};

/**
 * Notes which settings a query makes that would outlive its transaction, by its text. What a function on the server sets does not
 * show in it.
 *
 * @param query a text, or a node-postgres query configuration
 * @param values its parameters, where they are not in the configuration
 */
export function noteSettings(settings: SessionSettings, query: unknown, values?: unknown): void {
  const { text, values: own } = (typeof query === 'string' ? { text: query } : (query ?? {})) as {
    text?: unknown;
    values?: unknown;
  };
  if (typeof text !== 'string' || !SETS.test(text)) return;
  const parameters = [own, values].find((one): one is unknown[] => Array.isArray(one)) ?? [];
  for (const [, name = ''] of text.matchAll(STATEMENT)) noteStatement(settings, name.replaceAll('"', '').toLowerCase());
  for (const { index } of text.matchAll(CALL)) noteCall(settings, text, text.indexOf('(', index) + 1, parameters);
  if (BLOCK.test(text) && /\bexecute\b/i.test(text)) settings.unknown = true;
}

function noteStatement(settings: SessionSettings, name: string): void {
  if (name === 'characteristics') settings.unknown = true;
  else settings.names.add(OTHER_NAMES[name] ?? name);
}

/** `set_config(name, value, is_local)`: one whose last argument is true ends with the transaction. */
function noteCall(settings: SessionSettings, text: string, from: number, parameters: readonly unknown[]): void {
  const [name = '', , local = ''] = argumentsAt(text, from);
  const valueOf = (argument: string): unknown => {
    const [, number] = /^\$(\d+)(?:::\w+)?$/.exec(argument) ?? [];
    if (number !== undefined) return parameters[Number(number) - 1];
    return /^'((?:[^']|'')*)'(?:::\w+)?$/.exec(argument)?.[1]?.replaceAll("''", "'") ?? argument;
  };
  if (/^(?:true|t|on|yes|y|1)$/i.test(String(valueOf(local)))) return;
  const isConstant = /^(?:\$\d+|'(?:[^']|'')*')(?:::\w+)?$/.test(name);
  const found = isConstant ? valueOf(name) : undefined;
  if (typeof found === 'string') settings.names.add(found.toLowerCase());
  else settings.unknown = true;
}

/** The arguments of a call, up to the parenthesis that closes it. */
function argumentsAt(text: string, from: number): string[] {
  const found: string[] = [];
  let depth = 0;
  let begin = from;
  for (let at = from; at < text.length; at += 1) {
    const one = text[at];
    if (one === "'" || one === '"') {
      const end = text.indexOf(one, at + 1);
      if (end === -1) break;
      at = end;
    } else if (one === '(' || one === '[') depth += 1;
    else if ((one === ')' || one === ']') && depth > 0) depth -= 1;
    else if (depth === 0 && (one === ',' || one === ')')) {
      found.push(text.slice(begin, at).trim());
      begin = at + 1;
      if (one === ')') break;
    }
  }
  return found;
}
