import { walk } from '../../engine/sql/parse/walk.js';
import type { Hit } from '../types.js';
import type { Check } from './subject.js';

/** New values of an enum that are used before the transaction that adds them is committed. */
export const checkEnumValues: Check = ({ node, history, transaction }) => {
  if (!transaction || 'AlterEnumStmt' in node || history.newEnumValues.size === 0) return [];
  const hits = new Map<string, Hit>();
  walk(node, (type, constant) => {
    if (type !== 'A_Const') return;
    const { sval, location } = constant as { sval?: { sval?: string }; location?: number };
    const value = sval?.sval ?? '';
    const enumName = history.newEnumValues.get(value);
    if (enumName === undefined || hits.has(value)) return;
    hits.set(value, {
      rule: 'enum-value-in-same-transaction',
      message: `'${value}' was added to ${enumName} in the same transaction, and the server refuses to use it before the transaction is committed.`,
      suggestion: 'Add the value in an earlier migration that begins with -- tenants: no-transaction.',
      at: location,
    });
  });
  return [...hits.values()];
};
