import type { Client } from 'pg';

import type { BatchItem } from '../../db/batch.js';
import type { MigrationChecksum } from '../../engine/compile/checksum.js';
import { journalTable } from '../place/versions.js';
import { toJson } from '../write/statements.js';
import type { RecordedChecksum, TouchedFile } from './types.js';

/** Everything that is recorded. */
export async function readChecksums(client: Client, schema: string): Promise<RecordedChecksum[]> {
  const { rows } = await client.query<Omit<RecordedChecksum, 'run'> & { run: string | null }>(
    `SELECT c.schema, NULLIF(c.type, '') AS type, c.migration, c.method, c.checksum, c.file_digest AS "fileDigest", c.file, c.tenant,
            c.run, pg_catalog.to_char(c.first_applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "firstAppliedAt",
            c.first_applied_by AS "firstAppliedBy", c.as_found AS "asFound"
       FROM ${journalTable(schema, 'checksums')} c ORDER BY c.schema, c.type, c.migration COLLATE "C"`,
  );
  return rows.map((row) => ({ ...row, run: row.run === null ? null : Number(row.run) }));
}

/** A checksum that is to be recorded. */
export type NewChecksum = MigrationChecksum & {
  schema: 'shared' | 'tenant';
  type: string | null;
  migration: string;
  fileDigest: string;
  file: string;
  /** It was applied before; otherwise the run is about to apply it. */
  asFound: boolean;
};

/** Records checksums. One of a migration that is applied to nobody any more takes the place of the old one. */
export function insertChecksums(schema: string, run: number, checksums: readonly NewChecksum[]): BatchItem {
  const rows = checksums.map(({ type, fileDigest, asFound, ...one }) => ({
    ...one,
    type: type ?? '',
    file_digest: fileDigest,
    as_found: asFound,
  }));
  const replaced = ['method', 'checksum', 'file_digest', 'file', 'run', 'as_found', 'first_applied_by'];
  return {
    text: `INSERT INTO ${journalTable(schema, 'checksums')}
        (schema, type, migration, method, checksum, file_digest, file, as_found, run, first_applied_by)
      SELECT c.schema, c.type, c.migration, c.method, c.checksum, c.file_digest, c.file, c.as_found, $1::bigint,
             CASE WHEN c.as_found THEN NULL ELSE pg_catalog.concat_ws('@', r.os_user, r.host) END
        FROM pg_catalog.jsonb_to_recordset($2::jsonb) AS c (schema text, type text, migration text, method text, checksum text,
               file_digest text, file text, as_found boolean)
        LEFT JOIN ${journalTable(schema, 'runs')} r ON r.id = $1::bigint
      ON CONFLICT (schema, type, migration) DO UPDATE
        SET ${replaced.map((name) => `${name} = EXCLUDED.${name}`).join(', ')}, tenant = NULL, first_applied_at = NULL`,
    values: [run, toJson(rows)],
  };
}

/** Fills in who was first, from the results of the run that has applied them. */
export function fillChecksums(schema: string, run: number): BatchItem[] {
  const table = (name: 'checksums' | 'results' | 'plans' | 'runs'): string => journalTable(schema, name);
  return [
    {
      text: `UPDATE ${table('checksums')} c SET tenant = f.tenant, first_applied_at = f.at
        FROM (SELECT DISTINCT ON (p.type, m.name) p.type, m.name, t.tenant, coalesce(t.started_at, r.started_at) AS at
                FROM ${table('runs')} r JOIN ${table('plans')} p ON p.run = r.id CROSS JOIN LATERAL pg_catalog.unnest(p.tenants) AS u (tenant)
                JOIN ${table('results')} t ON t.run = r.id AND t.tenant = u.tenant AND t.status = ANY ('{applied,failed}'::text[])
               CROSS JOIN LATERAL pg_catalog.unnest(t.migrations) AS m (name)
               WHERE r.id = $1::bigint ORDER BY p.type, m.name, coalesce(t.started_at, r.started_at), t.tenant) f
       WHERE c.run = $1::bigint AND c.schema = 'tenant' AND NOT c.as_found AND c.first_applied_at IS NULL
         AND c.type = coalesce(f.type, '') AND c.migration = f.name`,
      values: [run],
    },
    {
      text: `UPDATE ${table('checksums')} c SET first_applied_at = r.started_at FROM ${table('runs')} r
       WHERE r.id = $1::bigint AND c.run = r.id AND c.schema = 'shared' AND NOT c.as_found AND c.first_applied_at IS NULL
         AND r.shared->>'status' = ANY ('{applied,failed}'::text[]) AND r.shared->'migrations' ? c.migration`,
      values: [run],
    },
  ];
}

/**
 * The same for a run that was about one tenant, or about new ones.
 *
 * @param of.type only the migrations of this type; by default all that the run recorded
 */
export function noteFirst(schema: string, run: number, tenant: string | null, of?: { type: string | null }): BatchItem {
  return {
    text: `UPDATE ${journalTable(schema, 'checksums')} SET tenant = $2::text, first_applied_at = pg_catalog.now()
      WHERE run = $1::bigint AND NOT as_found AND first_applied_at IS NULL${of === undefined ? '' : ' AND type = $3::text'}`,
    values: [run, tenant, ...(of === undefined ? [] : [of.type ?? ''])],
  };
}

/** Notes the new bytes of files that do the same as before, so that they need not be examined again. */
export function touchChecksums(schema: string, touched: readonly TouchedFile[]): BatchItem[] {
  return touched.map(({ recorded, fileDigest }) => ({
    text: `UPDATE ${journalTable(schema, 'checksums')} SET file_digest = $4::text
      WHERE schema = $1::text AND type = $2::text AND migration = $3::text AND checksum = $5::text`,
    values: [recorded.schema, recorded.type ?? '', recorded.migration, fileDigest, recorded.checksum],
  }));
}

/** Takes a file as it is now for what was applied. */
export function acceptChecksum(
  schema: string,
  of: Pick<RecordedChecksum, 'schema' | 'type' | 'migration'>,
  now: MigrationChecksum & { fileDigest: string; file: string },
): BatchItem {
  return {
    text: `UPDATE ${journalTable(schema, 'checksums')} SET method = $4::text, checksum = $5::text, file_digest = $6::text, file = $7::text,
        accepted_at = pg_catalog.now(), accepted_by = session_user::text
      WHERE schema = $1::text AND type = $2::text AND migration = $3::text`,
    values: [of.schema, of.type ?? '', of.migration, now.method, now.checksum, now.fileDigest, now.file],
  };
}
