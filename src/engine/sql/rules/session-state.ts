import type { Node } from 'libpg-query';

import { createdBy } from '../names/created.js';
import { isLiteralTrue, literalText } from '../parse/options.js';
import { functionCalls } from '../parse/walk.js';

/** Always leave something in the session, or run code that can: `DO` and `CALL` bodies are not looked into. */
const LEAVES_TRACES: ReadonlySet<string> = new Set([
  'ListenStmt',
  'UnlistenStmt',
  'PrepareStmt',
  'DeallocateStmt',
  'LoadStmt',
  'DiscardStmt',
  'DoStmt',
  'CallStmt',
]);

/** `CURSOR_OPT_HOLD` of the server's `parsenodes.h`. */
const CURSOR_WITH_HOLD = 0x20;

/**
 * Whether a statement leaves traces in the session beyond a `COMMIT`: settings, roles, temporary objects, prepared
 * statements, held cursors, subscriptions to notifications, session-level advisory locks.
 *
 * What a function or a trigger does inside is not seen.
 */
export function leavesSessionState(node: Node): boolean {
  if (LEAVES_TRACES.has(Object.keys(node)[0] ?? '')) return true;
  if ('VariableSetStmt' in node) return node.VariableSetStmt.is_local !== true;
  if ('DeclareCursorStmt' in node) return ((node.DeclareCursorStmt.options ?? 0) & CURSOR_WITH_HOLD) !== 0;
  if (createdBy(node).some((object) => object.temporary === 'session')) return true;
  return functionCalls(node).some(
    ({ name, args }) =>
      /^pg_(try_)?advisory_(lock|unlock)/.test(name) || (name === 'set_config' && !isLiteralTrue(args[2])),
  );
}

/** Whether a statement changes the search path, so that unqualified names after it are no longer the tenant's. */
export function changesSearchPath(node: Node): boolean {
  if ('DiscardStmt' in node) return node.DiscardStmt.target === 'DISCARD_ALL';
  if ('VariableSetStmt' in node) {
    const { kind, name } = node.VariableSetStmt;
    return kind === 'VAR_RESET_ALL' || name === 'search_path';
  }
  if (!('SelectStmt' in node)) return false;
  return functionCalls(node).some(
    ({ name, args }) =>
      name === 'set_config' && (literalText(args[0]) ?? 'search_path').toLowerCase() === 'search_path',
  );
}
