import { readFile, writeFile } from 'node:fs/promises';

import type { Client } from 'pg';

import { sendBatch } from '../../db/batch.js';
import { quoteIdentifier } from '../../db/identifiers.js';
import { codeOf, SQLSTATE } from '../../db/sqlstates.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { makeJournal } from '../../journal/place/make.js';
import { findJournal } from '../../journal/place/open-for-reading.js';
import type { Project } from '../../project/project.js';
import type { StoredSnapshot } from './types.js';

/** Beside the journal's own tables, and made when there is something to keep. */
const TABLE = 'snapshots';

/** The snapshots of a file, or of the journal; none where there are none. @throws TenantsError USAGE for a file that is none. */
export async function readSnapshots(
  client: Client,
  project: Project,
  file: string | undefined,
): Promise<StoredSnapshot[]> {
  return file === undefined ? await readFromJournal(client, project) : await readFromFile(file);
}

/** Puts snapshots in the place of earlier ones. */
export async function writeSnapshots(
  client: Client,
  project: Project,
  file: string | undefined,
  snapshots: readonly StoredSnapshot[],
): Promise<void> {
  if (file === undefined) return await writeToJournal(client, project, snapshots);
  try {
    await writeFile(file, `${JSON.stringify({ snapshots }, null, 2)}\n`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TenantsError('USAGE', `The snapshot cannot be written: ${why}.`);
  }
}

async function readFromFile(file: string): Promise<StoredSnapshot[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    const why = error instanceof Error ? error.message : String(error);
    throw new TenantsError('USAGE', `The snapshot cannot be read: ${why}.`);
  }
  try {
    const { snapshots } = JSON.parse(text) as { snapshots: unknown };
    if (Array.isArray(snapshots)) return snapshots.filter((one) => isSnapshot(one));
  } catch {
    // Said below.
  }
  throw new TenantsError('USAGE', `The file ${file} is not a snapshot.`, {
    suggestions: ['Write it again with the command snapshot, or remove it.'],
  });
}

async function readFromJournal(client: Client, project: Project): Promise<StoredSnapshot[]> {
  const place = await findJournal(client, project).catch(() => undefined);
  if (place === undefined || !(await isTrusted(client, project, place.schema))) return [];
  const { rows } = await client.query<{ body: unknown }>(
    `SELECT body FROM ${quoteIdentifier(place.schema)}.${TABLE} WHERE shared_schema = $1`,
    [project.shared.schema],
  );
  return rows.map(({ body }) => body).filter((body) => isSnapshot(body));
}

async function writeToJournal(client: Client, project: Project, snapshots: readonly StoredSnapshot[]): Promise<void> {
  const { journal, role } = project;
  if (journal === false) {
    throw new TenantsError(
      'USAGE',
      'There is no journal to keep the snapshot in: the configuration says journal: false.',
      {
        suggestions: ['Name a file: --file FILE, or snapshot: { file } in the configuration.'],
      },
    );
  }
  const state = await makeJournal(client, journal.schema, role);
  if (state.kind !== 'ready') {
    const { why, advice } = state.kind === 'outdated' ? { why: 'it is being upgraded', advice: [] } : state;
    throw new TenantsError('JOURNAL_UNUSABLE', `The journal cannot be used: ${why}.`, { suggestions: advice });
  }
  const table = `${quoteIdentifier(journal.schema)}.${TABLE}`;
  try {
    await client.query(
      `CREATE TABLE ${table} (shared_schema text NOT NULL, type text NOT NULL DEFAULT '', body jsonb NOT NULL,
         taken_at timestamptz NOT NULL DEFAULT pg_catalog.now(), PRIMARY KEY (shared_schema, type))`,
    );
  } catch (error) {
    if (codeOf(error) !== SQLSTATE.duplicateTable) throw error;
  }
  if (!(await isTrusted(client, project, journal.schema))) {
    throw new TenantsError(
      'JOURNAL_UNUSABLE',
      `"${journal.schema}"."${TABLE}" is not a table that this product made: it belongs to someone else, or has triggers, rules or policies.`,
      { suggestions: ['Drop it, or name a file: --file FILE.'] },
    );
  }
  await sendBatch(
    client,
    snapshots.map((one) => ({
      text: `INSERT INTO ${table} (shared_schema, type, body) VALUES ($1, $2, $3::jsonb)
        ON CONFLICT (shared_schema, type) DO UPDATE SET body = EXCLUDED.body, taken_at = EXCLUDED.taken_at`,
      values: [project.shared.schema, one.type ?? '', JSON.stringify(one)],
    })),
  );
}

/** What is in it is executed: only a table of our own counts, that nobody else writes to. */
async function isTrusted(client: Client, { role }: Project, schema: string): Promise<boolean> {
  const { rows } = await client.query<{ trusted: boolean }>(
    `SELECT c.relkind = 'r' AND NOT c.relhasrules AND NOT c.relhastriggers AND NOT c.relrowsecurity AND NOT c.relhassubclass
        AND has_table_privilege(c.oid, 'SELECT')
        AND EXISTS (SELECT FROM pg_roles o WHERE o.oid = c.relowner AND (o.rolsuper OR o.rolname = current_user OR o.rolname = $2::text
              OR o.oid = (SELECT d.datdba FROM pg_database d WHERE d.datname = current_database())))
        AND NOT EXISTS (SELECT FROM aclexplode(c.relacl) a
             WHERE a.grantee <> c.relowner AND a.privilege_type IN ('INSERT', 'UPDATE', 'TRIGGER', 'TRUNCATE')) AS trusted
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = '${TABLE}'`,
    [schema, role ?? null],
  );
  return rows[0]?.trusted === true;
}

function isSnapshot(value: unknown): value is StoredSnapshot {
  if (typeof value !== 'object' || value === null) return false;
  const { format, migrations, files, sql, owner } = value as Partial<StoredSnapshot>;
  return format === 1 && Array.isArray(migrations) && [files, sql, owner].every((one) => typeof one === 'string');
}
