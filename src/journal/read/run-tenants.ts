import type { Client } from 'pg';

import { TenantsError } from '../../errors/tenants-error.js';
import type { Project } from '../../project/project.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { requireJournal } from '../place/open-for-reading.js';
import { journalTable } from '../place/versions.js';
import type { RecordedRun } from '../types.js';
import { readRunRows } from './run-rows.js';
import { unknownRun } from './runs.js';

/** What a run applied to one tenant, and the schema that it had then; `null` where that is not known. */
export type AppliedByRun = { migrations: string[]; oid: number | null };

/**
 * The tenants that failed in a `migrate` or were not executed; those of waves that it did not begin had no turn yet.
 *
 * @throws TenantsError UNKNOWN_RUN; USAGE for a run of another command, when none was recorded yet, and when there are none.
 */
export async function readFailedTenants(
  client: Client,
  project: Project,
  id: number | 'latest',
): Promise<{ run: RecordedRun; tenants: string[] }> {
  const { run, schema } = await findMigrate(client, project, id);
  const { rows } = await client.query<{ tenant: string }>(
    `SELECT ${CURRENT_NAME} AS tenant FROM ${journalTable(schema, 'results')} t ${plannedOid(schema)}
      WHERE t.run = $1::bigint AND t.status = ANY ('{failed,notExecuted}'::text[])
        AND t.reason IS DISTINCT FROM 'laterWave' ORDER BY t.tenant COLLATE "C"`,
    [run.id],
  );
  if (rows.length === 0) {
    throw new TenantsError('USAGE', `No tenant failed in run ${run.id}, and none was left out.`, {
      suggestions: [
        `To migrate whoever is behind, run: ${tenantsCommand('migrate')}`,
        `To see the recorded runs, run: ${tenantsCommand('runs')}`,
      ],
    });
  }
  return { run, tenants: rows.map(({ tenant }) => tenant) };
}

/**
 * What a `migrate` applied, tenant by tenant: also to tenants that failed afterwards and kept a part.
 *
 * @throws TenantsError UNKNOWN_RUN, and USAGE for a run of another command.
 */
export async function readAppliedByRun(
  client: Client,
  project: Project,
  id: number,
): Promise<{ run: RecordedRun; applied: Map<string, AppliedByRun> }> {
  const { run, schema } = await findMigrate(client, project, id);
  const { rows } = await client.query<{ tenant: string; migrations: string[]; oid: string | null }>(
    `SELECT ${CURRENT_NAME} AS tenant, t.migrations, o.oid
       FROM ${journalTable(schema, 'results')} t ${plannedOid(schema)}
      WHERE t.run = $1::bigint AND t.status = ANY ('{applied,failed}'::text[]) AND pg_catalog.cardinality(t.migrations) > 0`,
    [id],
  );
  const applied = rows.map(({ tenant, migrations, oid }): [string, AppliedByRun] => [
    tenant,
    { migrations, oid: oid === null ? null : Number(oid) },
  ]);
  return { run, applied: new Map(applied) };
}

/** The schemas that the tenants of a run had when it handed them out, joined to its results `t`. */
function plannedOid(schema: string): string {
  return `LEFT JOIN (SELECT DISTINCT ON (u.tenant) u.tenant, u.oid
      FROM ${journalTable(schema, 'plans')} p, ROWS FROM (pg_catalog.unnest(p.tenants), pg_catalog.unnest(p.oids)) AS u (tenant, oid)
     WHERE p.run = $1::bigint ORDER BY u.tenant, p.number DESC) o ON o.tenant = t.tenant`;
}

/** A tenant may have been renamed since: its schema is the same. */
const CURRENT_NAME = `coalesce((SELECT n.nspname::text FROM pg_catalog.pg_namespace n WHERE n.oid = o.oid), t.tenant)`;

async function findMigrate(
  client: Client,
  project: Project,
  id: number | 'latest',
): Promise<{ run: RecordedRun; schema: string }> {
  const place = await requireJournal(client, project);
  const which =
    id === 'latest'
      ? { condition: `r.command = 'migrate' AND r.shared_schema = $2::text`, values: [project.shared.schema], limit: 1 }
      : { condition: 'r.id = $2::bigint', values: [id as unknown], limit: 1 };
  const [run] = place === undefined ? [] : await readRunRows(client, place.schema, which);
  if (run !== undefined && place !== undefined && run.command === 'migrate') return { run, schema: place.schema };
  const suggestions = [`To see the recorded runs, run: ${tenantsCommand('runs')}`];
  if (id === 'latest') throw new TenantsError('USAGE', 'No migrate is recorded in the journal yet.', { suggestions });
  if (run === undefined) throw unknownRun(id);
  throw new TenantsError('USAGE', `Run ${id} is a ${run.command}, not a migrate.`, { suggestions });
}
