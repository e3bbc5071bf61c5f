/**
 * How a state or an outcome looks. Each has a shape and a letter of its own, so that nothing is told by color alone.
 *
 * @typedef {{ key: string, label: string, letter: string, shape: 'full' | 'half' | 'peak' | 'cross' | 'hollow' | 'bar' | 'dot', color: string }} Look
 */

/** @type {Look[]} */
export const STATES = [
  { key: 'upToDate', label: 'up to date', letter: 'U', shape: 'full', color: '--good' },
  { key: 'pending', label: 'pending', letter: 'P', shape: 'half', color: '--wait' },
  { key: 'ahead', label: 'ahead of the files', letter: 'A', shape: 'peak', color: '--odd' },
  { key: 'outOfOrder', label: 'out of order', letter: 'O', shape: 'cross', color: '--bad' },
  { key: 'missing', label: 'schema is missing', letter: 'M', shape: 'hollow', color: '--bad' },
  { key: 'unreadable', label: 'cannot be read', letter: 'R', shape: 'bar', color: '--bad' },
  { key: 'unknownType', label: 'unknown type', letter: 'T', shape: 'dot', color: '--odd' },
];

/** @type {Look[]} */
export const OUTCOMES = [
  { key: 'failed', label: 'failed', letter: 'F', shape: 'cross', color: '--bad' },
  { key: 'notExecuted', label: 'not executed', letter: 'N', shape: 'hollow', color: '--wait' },
  { key: 'missing', label: 'schema is missing', letter: 'M', shape: 'bar', color: '--bad' },
  { key: 'applied', label: 'migrated', letter: 'A', shape: 'full', color: '--good' },
  { key: 'rolledBack', label: 'rolled back', letter: 'B', shape: 'peak', color: '--odd' },
  { key: 'upToDate', label: 'up to date already', letter: 'U', shape: 'full', color: '--calm' },
  { key: '', label: 'nothing recorded', letter: '·', shape: 'dot', color: '--calm' },
];

/**
 * @param {readonly Look[]} looks
 * @param {string} key
 * @returns {Look}
 */
export function lookOf(looks, key) {
  return looks.find((look) => look.key === key) ?? { key, label: key, letter: '?', shape: 'dot', color: '--odd' };
}

/** @param {number} count */
export function counted(count) {
  return count.toLocaleString('en-US');
}

/**
 * @param {number} count
 * @param {string} noun
 */
export function plural(count, noun) {
  return `${counted(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** @param {number | null} ms */
export function duration(ms) {
  if (ms === null) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param {string} time in the reader's own zone */
export function moment(time) {
  const date = new Date(time);
  const two = (/** @type {number} */ number) => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** @param {number} perSecond */
export function rate(perSecond) {
  return `${perSecond >= 10 ? counted(Math.round(perSecond)) : perSecond.toFixed(1)}/s`;
}

/**
 * The beginning of a long name, kept from changing the direction of the text around it; for pictures.
 *
 * @param {string} text
 * @param {number} length
 */
export function shortName(text, length) {
  const characters = [...text];
  const shown = characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
  return `\u2068${shown}\u2069`;
}
