import { access, constants, stat } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';

import { TenantsError } from '../../errors/tenants-error.js';
import type { Who } from '../../journal/write/who.js';
import { redactDeep } from '../../util/redact.js';
import { replaceFile } from '../../util/replace-file.js';

/** What the report of a run says beyond the document of the command: what the journal would record. */
export type ReportFacts = Who & {
  commandLine: string;
  /** The revision that is checked out where the command was called. */
  commit: string | null;
  /** Readings of `Date.now()`. */
  startedAt: number;
  finishedAt: number;
  /** Of tenants, by name. */
  starts: ReadonlyMap<string, number>;
};

/** A report as a document, or as a page for people. */
export type ReportFile = { path: string; kind: 'json' | 'html' };

/**
 * Checks that a report can be written, before the run begins. Its extension says what it is.
 *
 * @throws TenantsError USAGE
 */
export async function assertReportFile(path: string, cwd: string): Promise<ReportFile> {
  const file = resolve(cwd, path);
  const refuse = (why: string): TenantsError => new TenantsError('USAGE', `--report: ${path} ${why}.`);
  const kind = extname(file).slice(1);
  if (kind !== 'json' && kind !== 'html') throw refuse('must end in .json or .html');
  if ((await stat(file).catch(() => undefined))?.isDirectory() === true) throw refuse('is a directory');
  await access(dirname(file), constants.W_OK).catch((error: Error) => {
    throw refuse(`cannot be written: ${error.message}`);
  });
  return { path: file, kind };
}

/** The document of a run with the facts that the journal would have. Pure. */
export function reportDocument(document: object, facts: ReportFacts): object {
  const { startedAt, finishedAt, starts, ...who } = facts;
  const iso = (at: number): string => new Date(at).toISOString();
  const recorded = { ...who, startedAt: iso(startedAt), finishedAt: iso(finishedAt) };
  if (!('results' in document) || !Array.isArray(document.results)) return { ...document, ...recorded };
  const results = (document.results as { tenant?: string }[]).map((result) => {
    const start = result.tenant === undefined ? undefined : starts.get(result.tenant);
    return start === undefined ? result : { ...result, startedAt: iso(start) };
  });
  return { ...document, ...recorded, results };
}

/** Writes a report. The file appears whole or not at all, and only its owner may read it: messages of the database contain values. */
export async function writeReportFile(file: string, document: object): Promise<void> {
  const text = JSON.stringify(redactDeep(document), undefined, 2);
  await replaceFile(file, `${text}\n`);
}
