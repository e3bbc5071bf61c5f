import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

import type { Client } from 'pg';

import { quoteIdentifier } from '../db/identifiers.js';
import { TenantsError } from '../errors/tenants-error.js';

/** The most of its complaints that is kept, in characters. */
const COMPLAINT_LENGTH = 2000;

export type DumpOptions = {
  schema: string;
  environment: NodeJS.ProcessEnv;
  /** `SET ROLE` for the dump's connection, as on every lane. */
  role: string | undefined;
  /** ms; 0 waits forever. */
  lockTimeoutMs: number;
  /** From `exportSnapshot`: the dump sees exactly what that transaction saw. */
  snapshot: string;
  /** Structure only. */
  schemaOnly?: boolean;
  cancel?: AbortSignal | undefined;
};

/** A dump in progress. */
export type Dump = {
  /** The SQL script; `undefined` when it goes to a file. */
  output: Readable | undefined;
  /** Resolves when `pg_dump` has ended well. Rejects with PG_DUMP_FAILED and its own words. */
  done: Promise<void>;
  /** Ends it, if it still runs, and waits for that. */
  stop(): Promise<void>;
};

/**
 * Starts `pg_dump` for one schema, in plain SQL. Owners, grants and comments are in it; extensions, publications and
 * subscriptions are not, because they belong to the database.
 *
 * @param target a file descriptor, or `pipe` to read it here
 */
export function startDump(options: DumpOptions, target: number | 'pipe'): Dump {
  const child = spawn('pg_dump', dumpArguments(options), {
    env: options.environment,
    stdio: ['ignore', target, 'pipe'],
    windowsHide: true,
  });
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-COMPLAINT_LENGTH);
  });
  const onCancel = (): void => void child.kill();
  options.cancel?.addEventListener('abort', onCancel, { once: true });
  const done = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(failure(options.schema, error.message)));
    child.once('close', (code, signal) => {
      options.cancel?.removeEventListener('abort', onCancel);
      if (code === 0) resolve();
      else reject(failure(options.schema, complaint.trim() || `it ended with ${signal ?? `exit code ${code}`}`));
    });
  });
  // Whoever stops reading early learns of the end later, or not at all.
  done.catch(() => undefined);
  return { output: child.stdout ?? undefined, done, stop: () => stop(child, done) };
}

/**
 * A snapshot for `pg_dump`, valid until the client's transaction ends. A dump that has connected to another server or
 * database does not find it, and fails.
 */
export async function exportSnapshot(client: Client): Promise<string> {
  const { rows } = await client.query<{ snapshot: string }>('SELECT pg_catalog.pg_export_snapshot() AS snapshot');
  return rows[0]?.snapshot ?? '';
}

/** Pure. A pattern in double quotes stands for itself (psql, "Patterns"). */
export function dumpArguments({
  schema,
  role,
  lockTimeoutMs,
  snapshot,
  schemaOnly,
}: Omit<DumpOptions, 'environment'>): string[] {
  return [
    `--schema=${quoteIdentifier(schema)}`,
    '--strict-names',
    '--format=plain',
    '--encoding=UTF8',
    '--no-password',
    '--no-publications',
    '--no-subscriptions',
    ...(lockTimeoutMs > 0 ? [`--lock-wait-timeout=${lockTimeoutMs}`] : []),
    ...(role === undefined ? [] : [`--role=${role}`]),
    `--snapshot=${snapshot}`,
    ...(schemaOnly === true ? ['--schema-only'] : []),
  ];
}

async function stop(child: ChildProcess, done: Promise<void>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill();
  child.stdout?.destroy();
  await done.catch(() => undefined);
}

function failure(schema: string, words: string): TenantsError {
  return new TenantsError('PG_DUMP_FAILED', `pg_dump could not dump the schema "${schema}": ${words}`, {
    tenant: schema,
  });
}
