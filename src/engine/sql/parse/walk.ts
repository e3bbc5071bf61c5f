import type { FuncCall, Node } from 'libpg-query';

/**
 * Visits every named node of a parse tree, the tree's own root included, in no particular order.
 *
 * libpg-query writes a node as an object with one key, its type (`{ "FuncCall": { … } }`); types begin with a capital
 * letter and fields do not. Iterative, because ten thousand added-up terms make a tree ten thousand levels deep.
 */
export function walk(root: unknown, visit: (type: string, value: Record<string, unknown>) => void): void {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const next = open.pop();
    if (Array.isArray(next)) for (const item of next) open.push(item);
    else if (isRecord(next)) {
      for (const [key, value] of Object.entries(next)) {
        if (/^[A-Z]/.test(key) && isRecord(value)) visit(key, value);
        open.push(value);
      }
    }
  }
}

/**
 * Visits every record of a parse tree with the key that it stands under: its type, or the field of a statement that holds a node of
 * a known type, such as `relation` or `typeName`.
 */
export function walkRecords(root: unknown, visit: (key: string, value: Record<string, unknown>) => void): void {
  const open: [key: string, value: unknown][] = [['', root]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [key, value] = next;
    if (Array.isArray(value)) for (const item of value) open.push([key, item]);
    else if (isRecord(value)) {
      visit(key, value);
      for (const [field, inner] of Object.entries(value)) open.push([field, inner]);
    }
  }
}

/** Whether a node of one of these types stands anywhere in the tree. */
export function contains(root: unknown, types: ReadonlySet<string>): boolean {
  let found = false;
  walk(root, (type) => {
    found ||= types.has(type);
  });
  return found;
}

/** Every function call in the tree, with the function's name without its schema. */
export function functionCalls(root: unknown): { name: string; args: Node[] }[] {
  const calls: { name: string; args: Node[] }[] = [];
  walk(root, (type, value) => {
    if (type === 'FuncCall' || type === 'CallStmt') {
      const call = (type === 'CallStmt' ? value['funccall'] : value) as FuncCall | undefined;
      calls.push({ name: strings(call?.funcname).at(-1) ?? '', args: call?.args ?? [] });
    }
  });
  return calls;
}

/** The values of a list of `String` nodes; other nodes are passed over. */
export function strings(nodes: Node[] | undefined): string[] {
  const values: string[] = [];
  for (const node of nodes ?? []) if ('String' in node) values.push(node.String.sval ?? '');
  return values;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
