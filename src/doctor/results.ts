import { plural } from '../util/format-count.js';
import { type Check, type CheckName, EXPECTED } from './types.js';

type Details = { expected?: string; items?: string[]; suggestions?: string[] };

/** A check that found what it expects; items are worth knowing all the same. */
export function right(name: CheckName, actual: string, details: Details = {}): Check {
  return { ...base(name), ok: true, actual, ...details };
}

/** A check that found something wrong. */
export function wrong(name: CheckName, actual: string, details: Details = {}): Check {
  return { ...base(name), actual, ...details };
}

/** A check that could not be made because of another one that is wrong. */
export function skipped(name: CheckName, reason: string): Check {
  return { ...base(name), actual: `not checked: ${reason}`, skipped: true };
}

/**
 * A check that looks for things that should not be there.
 *
 * @param thing what one of them is called; `things` where the plural is not the word with an s
 */
export function noneOf(
  name: CheckName,
  items: string[],
  {
    thing,
    things,
    none = 'none',
    suggestions,
  }: { thing: string; things?: string; none?: string; suggestions: string[] },
): Check {
  if (items.length === 0) return right(name, none);
  return wrong(name, plural(items.length, thing, things), { items, suggestions });
}

function base(name: CheckName): Check {
  return { name, ok: false, expected: EXPECTED[name], actual: '', fixed: false };
}
