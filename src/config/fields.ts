import { z } from 'zod';

import { parseDuration } from '../util/duration.js';
import { orList } from '../util/format-count.js';
import { isIdentifier, MAX_IDENTIFIER_BYTES } from '../util/identifier.js';
import { ORDER_FORM, parseTenantOrder } from '../util/tenant-order.js';
import { parseTimeWindow, WINDOW_FORM } from '../util/time-window.js';
import { parseWaves, type WaveSize, WAVES_FORM } from '../util/wave-sizes.js';

/** A name that PostgreSQL accepts between double quotes; longer ones would be cut off without a word. */
export function identifier() {
  const error = `expected a PostgreSQL name: 1 to ${MAX_IDENTIFIER_BYTES} bytes, without NUL characters`;
  return z.string({ error }).refine(isIdentifier, { error });
}

/** Columns with directions, as text; `parseTenantOrder` reads it. */
export function tenantOrder() {
  const error = `expected ${ORDER_FORM}`;
  return z.string({ error }).refine((value) => parseTenantOrder(value) !== undefined, { error });
}

/** A duration in ms, from what `parseDuration` reads. */
export function duration() {
  const error = "expected a duration such as '5s', '250ms', '2m' or '0', or a number of milliseconds, at most 24 days";
  return z.union([z.string(), z.number()], { error }).transform((value, context) => {
    const ms = parseDuration(value);
    if (ms !== undefined) return ms;
    context.addIssue({ code: 'custom', message: error });
    return z.NEVER;
  });
}

export function wholeNumber(minimum: 0 | 1) {
  const error = minimum === 0 ? 'expected a whole number, 0 or more' : 'expected a whole number, 1 or more';
  return z.int({ error }).min(minimum, { error });
}

/** A whole number, or a share of something: `2%`. */
export function numberOrShare(minimum: 0 | 1) {
  const error = `expected a whole number, ${minimum} or more, or a share such as 5%`;
  return z
    .custom<number | string>((value) => isNumber(value, minimum) || isShare(value), { error })
    .meta({ type: ['integer', 'string'], minimum });
}

/** The same, or the name of a tenant. */
export function canary() {
  const error = 'expected a whole number, 0 or more, a share such as 5%, or the name of a tenant';
  const isName = (value: unknown): boolean =>
    typeof value === 'string' && isIdentifier(value) && !LIKE_A_NUMBER.test(value);
  return z
    .custom<number | string>((value) => isNumber(value, 0) || isShare(value) || isName(value), { error })
    .meta({ type: ['integer', 'string'], minimum: 0 });
}

function isNumber(value: unknown, minimum: number): boolean {
  return Number.isInteger(value) && Number(value) >= minimum;
}

function isShare(value: unknown): boolean {
  return typeof value === 'string' && SHARE.test(value);
}

const SHARE = /^(?:100|[1-9]?\d)(?:\.\d+)?%$/;
/** What looks like a number or a share and is none. */
const LIKE_A_NUMBER = /^[-+]?[\d.]+%?$/;

export function toggle() {
  return z.boolean({ error: 'expected true or false' });
}

export function choice<const Values extends readonly string[]>(values: Values) {
  return z.enum(values, { error: `expected ${orList(values.map((value) => `'${value}'`))}` });
}

/** A path or another text that must not be empty. */
export function text(what: string) {
  const error = `expected ${what}`;
  return z.string({ error }).refine((value) => value.trim() !== '' && !value.includes('\0'), { error });
}

/** Sizes of waves, as a list or as text. */
export function waves() {
  const error = `expected ${WAVES_FORM}`;
  return z
    .custom<string | WaveSize[]>((value) => parseWaves(value) !== undefined, { error })
    .meta({ type: ['string', 'array'], items: { type: ['integer', 'string'] } });
}

/** A duration in ms, or `ask`. */
export function pause() {
  const error = "expected a duration such as '10m', or 'ask'";
  return z.union([z.string(), z.number()], { error }).transform((value, context) => {
    const ms = value === 'ask' ? value : parseDuration(value);
    if (ms !== undefined) return ms;
    context.addIssue({ code: 'custom', message: error });
    return z.NEVER;
  });
}

/** Times of day with a zone, as text. */
export function window() {
  const error = `expected ${WINDOW_FORM}, or 'always'`;
  return z
    .custom<string>(
      (value) => value === 'always' || (typeof value === 'string' && parseTimeWindow(value) !== undefined),
      { error },
    )
    .meta({ type: 'string' });
}
