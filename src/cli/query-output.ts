import { rowObjects } from '../each-tenant/query/json-values.js';
import type { QueryReport, QueryRows } from '../each-tenant/query/types.js';
import { TenantsError } from '../errors/tenants-error.js';
import { createQueryTable } from '../ui/summary/query-table.js';
import { csvLine } from '../ui/text/csv.js';
import { plural } from '../util/format-count.js';
import { redactDeep } from '../util/redact.js';
import { formatContext } from './output.js';
import type { QueryDocument } from './schemas/document-types.js';
import { ReaderGone, writeResultPart } from './write-stream.js';

export type QueryFormat = 'table' | 'csv' | 'ndjson' | 'json';

/** Prints the rows of a query as they arrive. */
export type QueryOutput = {
  rows(part: QueryRows): Promise<void>;
  end(report: QueryReport): Promise<void>;
  /** Returns if the reader is gone, which is not a failure; throws every other error. */
  leave(error: unknown): undefined;
};

/**
 * @param options.readerMayLeave whether the query may end early when its rows are no longer read
 */
export function createQueryOutput(format: QueryFormat, options: { readerMayLeave: boolean }): QueryOutput {
  const printer = PRINTERS[format]();
  let gone = false;
  const write = async (text: string): Promise<void> => {
    if (text === '' || gone) return;
    try {
      await writeResultPart(text);
    } catch (error) {
      // A statement that changes data continues in all tenants; a broken stream is reported at the end.
      gone = true;
      if (options.readerMayLeave) throw error;
    }
  };
  return {
    rows: (part) => write(printer.rows(part)),
    end: (report) => write(printer.end(report)),
    leave: (error) => {
      if (error instanceof ReaderGone) return undefined;
      throw error;
    },
  };
}

type Printer = { rows(part: QueryRows): string; end(report: QueryReport): string };

const PRINTERS: Record<QueryFormat, () => Printer> = {
  table: () => {
    const table = createQueryTable(formatContext(process.stdout));
    const text = (lines: string[]): string => lines.map((line) => `${line}\n`).join('');
    return { rows: (part) => text(table.add(part)), end: () => text(table.end()) };
  },
  csv: () => {
    let header: string | undefined;
    const others = new Set<string>();
    return {
      rows: ({ tenant, columns, rows }) => {
        const own = csvLine(['tenant', ...columns.map(({ name }) => name)]);
        const first = header === undefined ? own : '';
        header ??= own;
        if (own === header) return first + rows.map((row) => csvLine([tenant, ...row])).join('');
        others.add(tenant);
        return '';
      },
      end: () => {
        if (others.size > 0) throw otherColumns([...others], header ?? '');
        return '';
      },
    };
  },
  ndjson: () => ({
    rows: (part) =>
      rowObjects(part)
        .map((row) => `${JSON.stringify(row)}\n`)
        .join(''),
    end: () => '',
  }),
  json: () => {
    const rows: QueryDocument['rows'] = [];
    return {
      rows: (part) => {
        for (const row of rowObjects(part)) rows.push(row);
        return '';
      },
      // Rows are the user's data, so nothing in them is masked.
      end: ({ failed }) => `${JSON.stringify({ rows, failed: redactDeep(failed) } satisfies QueryDocument)}\n`,
    };
  },
};

/** With different columns, values would appear under the wrong headers. */
function otherColumns(tenants: readonly string[], header: string): TenantsError {
  return new TenantsError(
    'COLUMNS_DIFFER',
    `The rows of ${plural(tenants.length, 'tenant')} were omitted: their columns differ from the header (${header.trim()}).`,
    {
      problems: tenants.slice(0, 20),
      suggestions: ['List the columns instead of *, or use --ndjson, where each row has its own columns.'],
    },
  );
}
