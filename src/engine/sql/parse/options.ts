import type { Node } from 'libpg-query';

/**
 * A boolean option of a statement (`(CONCURRENTLY)`, `WITH (create_slot = false)`), read as the server reads it:
 * `undefined` when it is not given, true when it is given without a value.
 */
export function booleanOption(options: Node[] | undefined, name: string): boolean | undefined {
  for (const option of options ?? []) {
    if ('DefElem' in option && option.DefElem.defname === name) return isTrue(option.DefElem.arg);
  }
  return undefined;
}

/** Whether an argument is the literal `true`, in one of the spellings that the parse tree keeps apart. */
export function isLiteralTrue(node: Node | undefined): boolean {
  if (node === undefined) return false;
  if ('TypeCast' in node) return isLiteralTrue(node.TypeCast.arg);
  if (!('A_Const' in node)) return false;
  const { boolval, sval } = node.A_Const;
  return boolval?.boolval === true || /^(t|true|on|yes|y|1)$/i.test(sval?.sval ?? '');
}

/** The text of a literal, `undefined` for any other expression. */
export function literalText(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if ('TypeCast' in node) return literalText(node.TypeCast.arg);
  return 'A_Const' in node ? node.A_Const.sval?.sval : undefined;
}

function isTrue(value: Node | undefined): boolean {
  if (value === undefined) return true;
  if ('Boolean' in value) return value.Boolean.boolval === true;
  if ('Integer' in value) return (value.Integer.ival ?? 0) !== 0;
  if ('String' in value) return !/^(f|false|off|no|0)$/i.test(value.String.sval ?? '');
  return true;
}
