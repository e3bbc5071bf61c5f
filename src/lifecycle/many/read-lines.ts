import { isTenantsError } from '../../errors/tenants-error.js';
import type { Project } from '../../project/project.js';
import type { RegistryShape } from '../../registry/names.js';
import { type NewTenant, registrationStatements } from '../../registry/registration.js';
import { type CsvRecord, parseCsv } from '../../util/csv-records.js';
import { plural } from '../../util/format-count.js';
import { registrationOf } from '../registration-of.js';
import type { LineProblem, WantedLine, WantedTenant } from './types.js';

/** A list of tenants as far as it could be read, and everything that is wrong with it. */
export type ReadLines = { lines: WantedLine[]; problems: LineProblem[] };

/** Reads the list of a caller. Pure. */
export function readWanted(project: Project, tenants: readonly WantedTenant[]): ReadLines {
  return checkTogether(tenants.map((tenant, index) => readTenant(project, tenant, index + 1)));
}

/**
 * Reads a CSV file: a header with `schema`, and where they are wanted `domain` (several are separated by spaces or semicolons), `type`,
 * `label` and columns of the tenant table. An empty cell is a value that is not given; `""` is empty text. Pure.
 */
export function readCsv(project: Project, text: string): ReadLines {
  const { records, problem } = parseCsv(text);
  const bad = problem === undefined ? [] : [problem];
  const [header, ...rows] = records;
  if (header === undefined) {
    const empty = { line: 1, message: 'the file is empty: it needs a header such as schema,domain' };
    return { lines: [], problems: bad.length > 0 ? bad : [empty] };
  }
  const { columns, problems } = readHeader(project.registry, header);
  if (problems.length > 0) return { lines: [], problems };
  const read = checkTogether(rows.map((row) => readRow(project, columns, row)));
  return { lines: read.lines, problems: [...read.problems, ...bad] };
}

/** What a column of the file is about; anything else is a column of the tenant table. */
type Column = { kind: 'schema' | 'domains' | 'label' | 'type' } | { kind: 'extra'; column: string };

function readHeader(
  { tenants, domains }: RegistryShape,
  { line, cells }: CsvRecord,
): { columns: Column[]; problems: LineProblem[] } {
  const { id, schemaName, name, type, status } = tenants.columns;
  const kinds: Record<string, Exclude<Column['kind'], 'extra'>> = {
    ...(name === null ? {} : { [name]: 'label' }),
    ...(type === null ? {} : { [type]: 'type' }),
    [schemaName]: 'schema',
    schema: 'schema',
    domain: 'domains',
    domains: 'domains',
    label: 'label',
    type: 'type',
  };
  const names = cells.map(({ text }) => text.trim());
  const columns = names.map((column): Column => {
    const kind = Object.hasOwn(kinds, column) ? kinds[column] : undefined;
    return kind === undefined ? { kind: 'extra', column } : { kind };
  });
  const keys = columns.map((column) => (column.kind === 'extra' ? column.column : `= ${column.kind}`));
  const problems = names.flatMap((column, index) => {
    if (column === '') return [`column ${index + 1} of the header has no name`];
    if (keys.indexOf(keys[index] ?? '') < index) return [`the header names "${column}" twice`];
    if (column === id) return [`the column "${column}" cannot be given: the database numbers the tenants`];
    const what = columns[index]?.kind;
    if (what === 'domains' && domains === null) return [`"${column}": the configuration has no table of domains`];
    if (what === 'label' && name === null) return [`"${column}": the tenant table has no column for it`];
    if (what === 'type' && type === null) return [`"${column}": the tenant table has no column for it`];
    return column === status ? [`the column "${column}" cannot be given: it is set by the command`] : [];
  });
  if (!columns.some(({ kind }) => kind === 'schema')) {
    problems.push(`the header lacks "schema"; it has ${names.map((column) => JSON.stringify(column)).join(', ')}`);
  }
  return { columns, problems: problems.map((message) => ({ line, message })) };
}

type ReadLine = { line: number; schema?: string; registration?: NewTenant; problems: string[] };

function readRow(project: Project, columns: readonly Column[], { line, cells }: CsvRecord): ReadLine {
  if (cells.length !== columns.length) {
    const message = `${plural(cells.length, 'value')} where the header has ${plural(columns.length, 'column')}`;
    return { line, problems: [message] };
  }
  const wanted: WantedTenant & { set: Record<string, string> } = { schema: '', set: {} };
  for (const [index, column] of columns.entries()) {
    const { text = '', quoted = false } = cells[index] ?? {};
    if (column.kind === 'schema') wanted.schema = text.trim();
    else if (column.kind === 'domains') wanted.domains = text.split(/[\s;]+/).filter((domain) => domain !== '');
    else if (text === '' && !quoted) continue;
    else if (column.kind === 'extra') wanted.set[column.column] = text;
    else wanted[column.kind] = text;
  }
  return readTenant(project, wanted, line);
}

/** Each domain and name is looked at by itself, so that all complaints are said at once. */
function readTenant(project: Project, wanted: WantedTenant, line: number): ReadLine {
  if (wanted.schema === project.shared.schema) {
    return { line, problems: [`"${wanted.schema}" is the shared schema: the public tenant is created by itself`] };
  }
  const bare = { schema: wanted.schema };
  const domains = (wanted.domains ?? []).map((domain) => ({ ...VALID, domains: [domain] }));
  const type = wanted.type === undefined ? [] : [{ ...VALID, type: wanted.type }];
  const problems = [bare, ...domains, ...type].flatMap((part) => complaintsOf(() => registrationOf(project, part)));
  if (problems.length > 0) return { line, ...bare, problems };
  const registration = registrationOf(project, wanted);
  const refused = complaintsOf(() => registrationStatements(project.registry, registration));
  return refused.length > 0 ? { line, ...bare, problems: refused } : { line, ...bare, registration, problems };
}

/** A name without anything wrong, where something else is looked at. */
const VALID = { schema: 'valid' };

function complaintsOf(check: () => unknown): string[] {
  try {
    check();
    return [];
  } catch (error) {
    if (isTenantsError(error)) return [error.message];
    throw error;
  }
}

/** Finds names and domains that two lines want. */
function checkTogether(read: readonly ReadLine[]): ReadLines {
  const lines: WantedLine[] = [];
  const problems: LineProblem[] = [];
  const schemas = new Map<string, number>();
  const domains = new Map<string, number>();
  for (const { line, schema, registration, problems: own } of read) {
    const complain = (message: string): void => void problems.push({ line, message });
    for (const message of own) complain(message);
    if (schema === undefined) continue;
    const same = schemas.get(schema);
    if (same === undefined) schemas.set(schema, line);
    else complain(`the tenant "${schema}" is in line ${same} already`);
    if (registration === undefined) continue;
    for (const { domain } of registration.domains) {
      const other = domains.get(domain);
      if (other === undefined) domains.set(domain, line);
      else complain(`the domain "${domain}" is in line ${other} already`);
    }
    lines.push({ line, registration });
  }
  return { lines, problems };
}
