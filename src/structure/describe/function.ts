import type { Item } from '../types.js';
import { text, texts } from './parts.js';

/** What stands for the tenant's own schema in a search path. */
const OWN_SCHEMA = '(its own schema)';

/** `CREATE OR REPLACE FUNCTION`, from what the catalog says. */
export function createFunction({ kind, parts }: Item): string {
  const lines = [`CREATE OR REPLACE ${kind.toUpperCase()} ${text(parts['name'])}(${text(parts['arguments'])})`];
  if (parts['result'] !== undefined) lines.push(` RETURNS ${text(parts['result'])}`);
  const words = [
    `LANGUAGE ${text(parts['language'])}`,
    parts['window'] === undefined ? '' : 'WINDOW',
    text(parts['volatility']),
    parts['strict'] === undefined ? '' : 'STRICT',
    parts['leakproof'] === undefined ? '' : 'LEAKPROOF',
    parts['securityDefiner'] === undefined ? '' : 'SECURITY DEFINER',
    parts['parallel'] === undefined ? '' : `PARALLEL ${text(parts['parallel'])}`,
    parts['cost'] === undefined ? '' : `COST ${text(parts['cost'])}`,
    parts['rows'] === undefined ? '' : `ROWS ${text(parts['rows'])}`,
    parts['support'] === undefined ? '' : `SUPPORT ${text(parts['support'])}`,
  ];
  lines.push(` ${words.filter((word) => word !== '').join(' ')}`);
  for (const setting of texts(parts['settings'])) {
    const [name = '', value = ''] = setting.split(/=(.*)/s);
    lines.push(value.includes(OWN_SCHEMA) ? ` SET ${name} FROM CURRENT` : ` SET ${name} TO ${value}`);
  }
  if (parts['sqlBody'] === undefined) lines.push(` AS ${dollarQuoted(text(parts['body']))};`);
  else lines.push(`${text(parts['sqlBody'])};`);
  return lines.join('\n');
}

/** A body between dollar quotes that do not occur in it. */
function dollarQuoted(body: string): string {
  let tag = '$$';
  for (let number = 1; body.includes(tag); number += 1) tag = `$body${number}$`;
  return `${tag}${body}${tag}`;
}
