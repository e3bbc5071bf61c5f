import { TenantsError } from '../errors/tenants-error.js';
import { type LexerState, lexLine, START } from './line-lexer.js';

/** A part of a dump: statements to be sent as they are, or one `COPY … FROM stdin` with its rows, to be read to their end. */
export type ScriptPart = { kind: 'sql'; text: string } | { kind: 'copy'; text: string; rows: AsyncIterable<Buffer> };

/** Statements are sent when there are this many characters, at the next comment that begins an object. */
const PART_LENGTH = 64 * 1024;
/** Rows are handed on in pieces of about this many bytes. */
const ROWS_LENGTH = 64 * 1024;

/** Settings at the top of a dump: those that would lift our own limits, or that an older server does not know. */
const LIFTED = /^SET (?:statement_timeout|lock_timeout|transaction_timeout|idle_in_transaction_session_timeout) = 0;$/;

/**
 * Cuts a script of `pg_dump` into what can be sent to a server. Nothing is rewritten: texts, function bodies and rows pass
 * through byte for byte. Left out are the lines that speak to psql (`\restrict`, `\unrestrict`) and the settings that
 * lift timeouts.
 *
 * Only lines outside of quotes, dollar quotes and comments are looked at, so a body may hold any text.
 *
 * @throws TenantsError PG_DUMP_FAILED for a script that ends in the middle, or a psql command that is not known.
 */
export async function* scriptParts(output: AsyncIterable<Buffer>): AsyncGenerator<ScriptPart> {
  const lines = linesOf(output);
  let text = '';
  let copy = '';
  let state: LexerState = START;
  for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
    const sql = line.value.toString('utf8');
    const free = state.kind === 'free' && copy === '';
    if (free && sql.startsWith('\\')) {
      if (!/^\\(?:un)?restrict /.test(sql)) throw unexpected(sql);
      continue;
    }
    if (free && LIFTED.test(sql.trimEnd())) continue;
    if (free && text.length > PART_LENGTH && sql.startsWith('-- Name: ')) {
      yield { kind: 'sql', text };
      text = '';
    }
    const begins = free && state.kind === 'free' && state.atStatement && sql.startsWith('COPY ');
    state = lexLine(sql, state);
    if (!begins && copy === '') {
      text += sql;
      continue;
    }
    // Names may hold line breaks, so the statement may have several lines.
    copy += sql;
    if (state.kind !== 'free' || !state.atStatement) continue;
    if (text.trim() !== '') yield { kind: 'sql', text };
    yield { kind: 'copy', text: copy, rows: rowsOf(lines) };
    text = '';
    copy = '';
  }
  if (state.kind !== 'free' || copy !== '') throw unexpected('the end of the script');
  if (text.trim() !== '') yield { kind: 'sql', text };
}

/** Lines up to the one that ends them, which is not one of them: a backslash in a row is always doubled or an escape. */
async function* rowsOf(lines: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  let length = 0;
  for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
    if (isEndOfRows(line.value)) {
      if (length > 0) yield Buffer.concat(pieces);
      return;
    }
    pieces.push(line.value);
    length += line.value.length;
    if (length < ROWS_LENGTH) continue;
    yield Buffer.concat(pieces);
    pieces = [];
    length = 0;
  }
  throw unexpected('the end of the script among rows');
}

function isEndOfRows(line: Buffer): boolean {
  return line.length <= 4 && /^\\\.\r?\n?$/.test(line.toString('latin1'));
}

/** Lines with their line feed; the last one may lack it. */
async function* linesOf(output: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const chunk of output) {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      const end = chunk.subarray(from, at + 1);
      yield rest.length === 0 ? end : Buffer.concat([...rest, end]);
      rest = [];
      from = at + 1;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}

function unexpected(what: string): TenantsError {
  return new TenantsError('PG_DUMP_FAILED', `The script of pg_dump is not as expected: ${what.trim().slice(0, 80)}.`);
}
