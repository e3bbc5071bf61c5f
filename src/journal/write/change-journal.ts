import type { Client } from 'pg';

import type { BatchItem } from '../../db/batch.js';
import { EXIT } from '../../errors/codes.js';
import { serializeError } from '../../errors/serialize.js';
import { isTenantsError } from '../../errors/tenants-error.js';
import type { Project } from '../../project/project.js';
import { redactDeep } from '../../util/redact.js';
import { insertChecksums, type NewChecksum, noteFirst } from '../checksums/store.js';
import { DONE } from '../complete/change-outcome.js';
import { journalTable } from '../place/versions.js';
import type { Invocation, RunCounts } from '../types.js';
import { JournalWriter } from './journal-writer.js';
import { finishRun, type ResultRow, writeRows } from './statements.js';

export type Change<T> = {
  /** `rename-tenant`, and so on. */
  command: string;
  /** The tenant by the name that it has in the end; `undefined` for a change of no single tenant. */
  tenant?: string;
  invocation?: Invocation | undefined;
  /** Is told when the record cannot be written. */
  onWarning: (message: string) => void;
  /** Checksums of the migrations that are going to be applied. */
  checksums?: readonly NewChecksum[];
  /** The status of the tenant afterwards. Default: that of the command. */
  status?: string;
  /** What the record says of a result. Default: one tenant changed. */
  summarize?: (result: T) => { exitCode?: number; counts?: RunCounts; migrations?: readonly string[] };
};

/**
 * Does a change, and records it: that it began, so that a killed process is noticed, and how it ended. What was refused before
 * anything was touched leaves no record.
 *
 * @param client the control connection; it must not be in a transaction before and after the work
 */
export async function recordChange<T>(
  project: Project,
  client: () => Client,
  change: Change<T>,
  work: () => Promise<T>,
): Promise<T> {
  const startedAt = Date.now();
  const writer = await begin(project, client, change, startedAt);
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await end(writer, change, startedAt, failureOf(change, error));
    throw error;
  }
  const { command, tenant, status = DONE[command], summarize } = change;
  const { exitCode = EXIT.ok, counts, migrations } = summarize?.(result) ?? {};
  const row =
    tenant === undefined ? undefined : { tenant, status: status ?? 'changed', migrations: migrations ?? null };
  await end(writer, change, startedAt, { exitCode, counts: counts ?? { total: 1, [status ?? 'changed']: 1 }, row });
  return result;
}

async function begin<T>(
  project: Project,
  client: () => Client,
  { command, tenant, invocation, onWarning, checksums = [] }: Change<T>,
  startedAt: number,
): Promise<JournalWriter> {
  const files = (schema: string, run: number): BatchItem[] =>
    checksums.length === 0 ? [] : [insertChecksums(schema, run, checksums)];
  const writer = new JournalWriter(project, client, onWarning, files);
  if ((await writer.open()) === undefined) return writer;
  const common = { direction: null, sharedSchema: null, shared: null, wholeFleet: false };
  await writer.begin({ command, invocation, startedAt, ...common });
  if (writer.id === undefined || tenant === undefined) return writer;
  const started_at = new Date(startedAt).toISOString();
  await writer.send((schema, run) => [
    writeRows(schema, run, [{ tenant, status: 'running', started_at }]),
    ...files(schema, run),
  ]);
  return writer;
}

type End = { exitCode: number; counts: RunCounts; row?: ResultRow | undefined; error?: unknown; refused?: boolean };

async function end<T>(
  writer: JournalWriter,
  { tenant, checksums = [] }: Change<T>,
  startedAt: number,
  { exitCode, counts, row, error = null, refused = false }: End,
): Promise<void> {
  if (writer.id === undefined) return;
  const times = { started_at: new Date(startedAt).toISOString(), duration_ms: Date.now() - startedAt };
  await writer.send((schema, run) => {
    if (refused) return forget(schema, run);
    return [
      ...(row === undefined ? [] : [writeRows(schema, run, [{ ...row, ...times }])]),
      finishRun(schema, run, { exitCode, counts, shared: null, error }),
      ...(exitCode === EXIT.ok && checksums.length > 0 ? [noteFirst(schema, run, tenant ?? null)] : []),
    ];
  });
}

function failureOf<T>({ tenant, invocation }: Change<T>, error: unknown): End {
  const known = isTenantsError(error) ? error.exitCode : EXIT.failed;
  const refused = known === EXIT.usage;
  const exitCode = invocation?.signalExitCode() ?? known;
  const { code, sqlstate, message, migration, file, line, statement, ...rest } = redactDeep(serializeError(error));
  const facts = { code, sqlstate, message, migration, file, line, statement };
  const row = tenant === undefined ? undefined : { tenant, status: 'failed', ...facts, error: { ...facts, ...rest } };
  return { exitCode, counts: { total: 1, failed: 1 }, row, error: { ...facts, ...rest }, refused };
}

/** Nothing was touched: there is nothing to record. */
function forget(schema: string, run: number): BatchItem[] {
  const of = (table: 'results' | 'checksums', more = ''): BatchItem => ({
    text: `DELETE FROM ${journalTable(schema, table)} WHERE run = $1::bigint${more}`,
    values: [run],
  });
  return [
    of('results'),
    of('checksums', ' AND first_applied_at IS NULL AND NOT as_found'),
    { text: `DELETE FROM ${journalTable(schema, 'runs')} WHERE id = $1::bigint`, values: [run] },
  ];
}
