import { describeBlocker } from '../../errors/blocker.js';
import type { SerializedError } from '../../errors/serialize.js';
import { redact } from '../../util/redact.js';
import { clean, cleanLines } from '../text/clean.js';
import { truncate } from '../text/display-width.js';
import type { Style } from '../text/style.js';

type Fact = 'tenant' | 'migration' | 'sqlstate' | 'place' | 'statement' | 'server';

const STATEMENT_LINES = 3;
const STATEMENT_COLUMNS = 200;

/** Where an error happened and what the server said, a line each; `without` omits facts that are already shown elsewhere. */
export function errorFacts(error: SerializedError, style: Style, without: readonly Fact[] = []): string[] {
  const lines: string[] = [];
  const add = (fact: Fact, label: string, value: string | undefined) => {
    if (value && !without.includes(fact)) lines.push(`${style.dim(`${label}:`)} ${clean(redact(value))}`);
  };
  add('tenant', 'Tenant', error.tenant);
  add('migration', 'Migration', error.migration);
  add('place', 'File', placeOf(error));
  add('sqlstate', 'SQLSTATE', error.sqlstate);
  add('server', 'Detail', error.detail);
  add('server', 'Hint', error.hint);
  add('server', 'Where', error.where);
  add('server', 'Constraint', error.message.includes(error.constraint ?? '') ? undefined : error.constraint);
  for (const blocker of error.blockers ?? []) add('server', 'Held by', describeBlocker(blocker));
  if (error.statement && !without.includes('statement')) {
    lines.push(style.dim('Statement:'), ...shortStatement(error.statement).map((line) => `  ${line}`));
  }
  return lines;
}

/** `path/to/file.sql:12`. */
function placeOf({ file, line }: SerializedError): string | undefined {
  return file !== undefined && line !== undefined ? `${file}:${line}` : file;
}

/** The first non-empty lines of a statement. Passwords are masked first, so that truncation cannot cut one in half. */
export function shortStatement(statement: string): string[] {
  const lines = cleanLines(redact(statement)).filter((line) => line.trim() !== '');
  const shown = lines.slice(0, STATEMENT_LINES).map((line) => truncate(line, STATEMENT_COLUMNS));
  return lines.length > STATEMENT_LINES ? [...shown, '…'] : shown;
}
