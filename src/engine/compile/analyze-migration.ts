import { analyzeSql } from '../sql/analyze-sql.js';
import { outsideRefusals } from '../sql/rules/direct-sql.js';
import { describeRefusal } from '../sql/rules/format-refusals.js';
import type { Analysis, Refusal } from '../sql/types.js';
import type { ApplySettings, MigrationFile } from '../types.js';

/** What holds for all migrations of a directory. */
export type MigrationRules = {
  /** Extensions that a migration may rely on; `undefined` lets it create any. */
  extensions: ReadonlySet<string> | undefined;
  fallThrough: ApplySettings['fallThrough'];
};

export type AnalysisOptions = MigrationRules & {
  file: MigrationFile;
  steps: readonly string[];
  /** The line of the file in which each step begins; without it they are looked for in the text. */
  lines?: readonly (number | undefined)[] | undefined;
  transaction: boolean;
  /** Text of the file, so that lines can be told; for `.sql` files only. */
  text: string | undefined;
};

/** The SQL of one migration as a whole; refusals include what only the migration's transaction makes impossible. */
export type MigrationAnalysis = Pick<Analysis, 'statements' | 'refusals' | 'warnings' | 'targets' | 'creates'> & {
  extensions: string[];
};

/** Takes the SQL that node-pg-migrate built apart, step by step and in order. */
export function analyzeMigration(options: AnalysisOptions): MigrationAnalysis {
  const { file, steps, lines, text } = options;
  const parts = steps.map((sql, index) => {
    const firstLine = lines === undefined ? lineOf(sql, text) : lines[index];
    const context = { migration: file.name, file: file.path };
    return analyzeSql(sql, firstLine === undefined ? context : { ...context, firstLine });
  });
  const { targets, creates } = asOneText(parts, steps, file);
  return {
    statements: parts.flatMap(({ statements }) => statements),
    refusals: parts.flatMap((part) => [...part.refusals, ...refusedHere(part, options)]),
    warnings: parts.flatMap((part) => [...part.warnings, ...warnedOf(part, options)]),
    targets,
    creates,
    extensions: parts.flatMap(({ extensions }) => extensions.map(({ name }) => name)),
  };
}

/**
 * Targets and creations of all steps, as if they were one text: a step may change, rename or drop what an earlier one
 * created. With a step that the grammar does not accept they are put together name by name.
 */
function asOneText(
  parts: readonly Analysis[],
  steps: readonly string[],
  { name, path }: MigrationFile,
): Pick<Analysis, 'targets' | 'creates'> {
  const [only, ...more] = parts;
  if (only === undefined) return { targets: [], creates: [] };
  if (more.length === 0) return only;
  if (!parts.some(({ statements }) => statements.some(({ unparsed }) => unparsed === true))) {
    return analyzeSql(steps.join('\n;\n'), { migration: name, file: path });
  }
  const known = new Set<string>();
  const targets = new Map<string, Analysis['targets'][number]>();
  let dynamic = false;
  for (const part of parts) {
    for (const target of part.targets) {
      const key = `${target.kind} ${target.name}`;
      if (!known.has(key) && !targets.has(key)) targets.set(key, dynamic ? { ...target, optional: true } : target);
    }
    for (const { kind, name } of part.creates) known.add(`${kind} ${name}`);
    dynamic ||= part.dynamic;
  }
  return { targets: [...targets.values()], creates: parts.flatMap(({ creates }) => creates) };
}

/** What is refused because of how and where the migration runs. */
function refusedHere(analysis: Analysis, { file, transaction, extensions, fallThrough }: AnalysisOptions): Refusal[] {
  const place = (line: number | undefined) => ({
    migration: file.name,
    file: file.path,
    ...(line === undefined ? {} : { line }),
  });
  const refusals: Refusal[] = analysis.extensions
    .filter(({ name }) => extensions !== undefined && !extensions.has(name))
    .map(({ name, ifNotExists, line }) => ({
      ...place(line),
      kind: 'createExtension',
      reason: 'An extension exists once in a database, so the first tenant would get it and the others go without.',
      statement: `CREATE EXTENSION ${ifNotExists ? 'IF NOT EXISTS ' : ''}${name}`,
      extension: name,
    }));
  if (fallThrough === 'error') refusals.push(...outsideRefusals(analysis, { migration: file.name, file: file.path }));
  if (transaction) {
    for (const { line, statement, what } of analysis.outsideTransaction) {
      const reason = `${what} cannot run inside a transaction.`;
      refusals.push({ ...place(line), kind: 'outsideTransaction', reason, statement });
    }
  } else if (analysis.droppedTransaction) {
    refusals.push({
      ...place(analysis.statements[0]?.line),
      kind: 'transactionControl',
      reason: 'The migration calls noTransaction() but wraps its SQL in a transaction.',
      statement: 'BEGIN',
    });
  }
  return refusals;
}

function warnedOf(analysis: Analysis, { file, fallThrough }: AnalysisOptions): string[] {
  if (fallThrough !== 'warn') return [];
  return outsideRefusals(analysis, { migration: file.name, file: file.path }).map(describeRefusal);
}

/** Line of the file in which a step begins; node-pg-migrate may have added a semicolon to it. */
function lineOf(step: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const exact = text.indexOf(step);
  const start = exact >= 0 || !step.endsWith(';') ? exact : text.indexOf(step.slice(0, -1));
  return start < 0 ? undefined : text.slice(0, start).split('\n').length;
}
