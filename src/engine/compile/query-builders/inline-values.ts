import { quoteLiteral } from '../../../db/identifiers.js';
import { parameterText } from '../../../db/parameter-text.js';
import { parameterPositions } from '../../sql/parse/lexer.js';

/**
 * A statement with its values written into it: what runs later is a text alone.
 *
 * Every value becomes a constant without a type, in the text in which node-postgres would send it, so that the server chooses
 * the type from the place where it stands, as it does for a parameter.
 *
 * @throws RangeError for a parameter without a value
 */
export function inlineValues(text: string, values: readonly unknown[]): string {
  if (values.length === 0) return text;
  let result = '';
  let from = 0;
  for (const { number, start, end } of parameterPositions(text)) {
    if (number < 1 || number > values.length) throw new RangeError(`There is no value for the parameter $${number}.`);
    result += text.slice(from, start) + constant(values[number - 1]);
    from = end;
  }
  return result + text.slice(from);
}

function constant(value: unknown): string {
  const text = parameterText(value);
  if (text === null) return 'NULL';
  return quoteLiteral(typeof text === 'string' ? text : `\\x${text.toString('hex')}`);
}
