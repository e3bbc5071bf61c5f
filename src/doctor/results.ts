import { plural } from '../util/format-count.js';
import { type Check, type CheckName, EXPECTED } from './types.js';

type Details = { expected?: string; items?: string[]; suggestions?: string[] };

/** A check that passed; `items` may still have something worth knowing. */
export function right(name: CheckName, actual: string, details: Details = {}): Check {
  return { ...base(name), ok: true, actual, ...details };
}

/** A check that found something wrong. */
export function wrong(name: CheckName, actual: string, details: Details = {}): Check {
  return { ...base(name), actual, ...details };
}

/** A check that was not run because another one is wrong. */
export function skipped(name: CheckName, reason: string): Check {
  return { ...base(name), actual: `not checked: ${reason}`, skipped: true };
}

/**
 * A check that looks for things that should not be there.
 *
 * @param thing the noun for one of them; `things` is the plural if it is irregular
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
