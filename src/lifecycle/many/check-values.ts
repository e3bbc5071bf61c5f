import type { Client } from 'pg';

import { qualified } from '../../db/identifiers.js';
import { isServerError } from '../../errors/serialize.js';
import type { Project } from '../../project/project.js';
import { didYouMean, nearestNames } from '../../util/nearest.js';
import type { LineProblem, WantedLine } from './types.js';

/** What the catalog says about a column of the tenant table. */
type Column = { name: string; type: string; writable: boolean; needed: boolean };

/** Wrong values of a column that are complained about; the others are likely to be wrong in the same way. */
const MAX_WRONG = 100;

/**
 * Looks whether the tenant table has the columns of the list, and whether they take its values. What only the table itself can say,
 * such as a constraint or a trigger, fails the tenant that it is about.
 */
export async function checkValues(
  client: Client,
  project: Project,
  lines: readonly WantedLine[],
): Promise<LineProblem[]> {
  const columns = await readColumns(client, project);
  const given = new Map<string, WantedLine[]>();
  for (const line of lines) {
    for (const name of Object.keys(line.registration.extra)) {
      if (given.get(name)?.push(line) === undefined) given.set(name, [line]);
    }
  }
  const problems: LineProblem[] = [];
  for (const [name, having] of given) {
    const column = columns.find((one) => one.name === name);
    const [{ line } = { line: 1 }] = having;
    if (column === undefined) {
      const near = didYouMean(
        nearestNames(
          name,
          columns.map((one) => one.name),
        ),
      );
      problems.push({ line, message: [`the tenant table has no column "${name}"`, ...near].join('. ') });
    } else if (!column.writable) {
      problems.push({ line, message: `the column "${name}" is filled by the server` });
    } else {
      problems.push(...(await wrongValues(client, column, having)));
    }
  }
  return [...problems, ...missingValues(project, columns, lines)];
}

async function readColumns(client: Client, { registry }: Project): Promise<Column[]> {
  const { rows } = await client.query<Column>(
    `SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
            a.attgenerated = '' AND a.attidentity <> 'a' AS writable,
            a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND c.relkind IN ('r', 'p')
              -- Such a trigger may supply the value.
              AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgtype & 7 = 7)
              AS needed
       FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
      WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [qualified(registry.schema, registry.tenants.table)],
  );
  return rows;
}

async function wrongValues(
  client: Client,
  { name, type }: Column,
  lines: readonly WantedLine[],
): Promise<LineProblem[]> {
  const valueOf = ({ registration }: WantedLine): string => registration.extra[name] ?? '';
  const wrong = new Map<string, string>();
  const look = async (values: readonly string[]): Promise<void> => {
    if (values.length === 0 || wrong.size >= MAX_WRONG) return;
    try {
      await client.query(`SELECT count(v::${type}) FROM unnest($1::text[]) v`, [[...values]]);
    } catch (error) {
      if (!isServerError(error)) throw error;
      const [alone = ''] = values;
      const middle = Math.ceil(values.length / 2);
      if (values.length === 1) wrong.set(alone, error.message);
      else for (const half of [values.slice(0, middle), values.slice(middle)]) await look(half);
    }
  };
  await look([...new Set(lines.map(valueOf))]);
  return lines.flatMap((line) => {
    const message = wrong.get(valueOf(line));
    return message === undefined
      ? []
      : [{ line: line.line, message: `the column "${name}" does not take it: ${message}` }];
  });
}

function missingValues({ registry }: Project, columns: readonly Column[], lines: readonly WantedLine[]): LineProblem[] {
  const { id, ...filled } = registry.tenants.columns;
  const ours = new Set<string | null>([id, filled.schemaName, filled.status]);
  const has = ({ registration }: WantedLine, name: string): boolean =>
    (name === filled.name && registration.name !== null) ||
    (name === filled.type && registration.type !== null) ||
    Object.hasOwn(registration.extra, name);
  return columns
    .filter(({ name, needed }) => needed && !ours.has(name))
    .flatMap(({ name }) =>
      lines
        .filter((line) => !has(line, name))
        .map(({ line }) => ({ line, message: `the column "${name}" of the tenant table needs a value` })),
    );
}
