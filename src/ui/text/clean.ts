import { stripVTControlCharacters } from 'node:util';

/**
 * One line of harmless text: no terminal escapes, no control characters, no line breaks, no direction overrides.
 *
 * Everything that comes from a database or a migration passes through here (or `cleanLines`) before it is printed,
 * because a tenant's name or a server's message must not be able to control the reader's terminal.
 */
export function clean(text: string): string {
  return strip(text.replace(/[\r\n\t\v\f\u0085\u2028\u2029]+/g, ' '));
}

/** The same for text of several lines: line breaks are kept, tabs become two spaces. */
export function cleanLines(text: string): string[] {
  return text
    .replace(/\t/g, '  ')
    .split(/\r\n|[\n\r\u2028\u2029]/)
    .map((line) => strip(line).trimEnd());
}

/** Removes whole escape sequences first, so that no visible remnants are left, then single control characters. */
function strip(text: string): string {
  return stripVTControlCharacters(text.replace(COMMANDS, '')).replace(CONTROLS, '');
}

/** Window titles, links and the like: everything from the introducer to BEL or ST. */
const COMMANDS =
  // oxlint-disable-next-line no-control-regex
  /(?:\u001B[\]PX^_]|[\u009D\u0090\u0098\u009E\u009F])[^\u0007\u001B\u009C]*(?:\u0007|\u001B\\|\u009C)/g;

/** C0, DEL, C1, and the marks that change the direction of text. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/g;
