import type { Client } from 'pg';

import { isConnectionError } from '../../db/sqlstates.js';
import type { MigrationFile } from '../../engine/types.js';
import { type SerializedError, serializeError } from '../../errors/serialize.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { Cohort } from '../../fleet/cohorts.js';
import type { SurveyedFleet } from '../../fleet/read-fleet.js';
import type { SurveyedShared } from '../../fleet/read-shared.js';
import type { Project } from '../../project/project.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { decideAdoption } from './decide-adoption.js';
import { findHistoryTables, type HistoryTable, readHistory } from './read-history.js';

/** What becomes of one schema. `none`: the other tool has no table for it. */
export type SchemaAdoption =
  | { kind: 'record'; names: string[] }
  | { kind: 'none' }
  | { kind: 'refused'; error: SerializedError };

/** Drizzle's own place for its table, one for the whole database. */
const DRIZZLE_SCHEMA = 'drizzle';

/**
 * Reads the other tool's history of tenants and decides what to record of each.
 *
 * @param from schema of the table for all of them
 * @throws TenantsError USAGE when no tenant has files of another tool.
 */
export async function surveyTenantHistory(
  client: Client,
  project: Project,
  { cohorts, files: filesByType }: Pick<SurveyedFleet, 'cohorts' | 'files'>,
  from: string | undefined,
): Promise<Map<string, SchemaAdoption>> {
  const adoptions = new Map<string, SchemaAdoption>();
  for (const cohort of cohorts) {
    const files = filesByType.get(cohort.type) ?? [];
    const format = files[0]?.format;
    if (format === undefined) {
      for (const { schema } of cohort.members) adoptions.set(schema, { kind: 'none' });
      continue;
    }
    const own = cohort.members.map(({ schema }) => schema);
    const tables = await findHistoryTables(client, from === undefined ? [...own, DRIZZLE_SCHEMA] : [from], format);
    for (const schema of own) {
      adoptions.set(schema, await adoptionOf(client, project, { schema, cohort, files, tables, from }));
    }
  }
  return adoptions;
}

/** The same of the shared schema; Drizzle's own schema counts as its. */
export async function surveySharedHistory(
  client: Client,
  project: Project,
  { surveyed, files }: SurveyedShared,
  from: string | undefined,
): Promise<SchemaAdoption> {
  const format = files[0]?.format;
  if (format === undefined) return { kind: 'none' };
  const { schema, applied } = surveyed;
  const tables = await findHistoryTables(client, from === undefined ? [schema, DRIZZLE_SCHEMA] : [from], format);
  const found = tables.get(schema) ?? tables.get(DRIZZLE_SCHEMA);
  const known = found === undefined ? tables : new Map([[from ?? schema, found]]);
  return await adoptionOf(client, project, { schema, cohort: { applied }, files, tables: known, from });
}

type Question = {
  schema: string;
  cohort: Pick<Cohort, 'applied'>;
  files: readonly MigrationFile[];
  tables: ReadonlyMap<string, HistoryTable>;
  from: string | undefined;
};

async function adoptionOf(client: Client, project: Project, question: Question): Promise<SchemaAdoption> {
  const { schema, cohort, files, tables, from } = question;
  const table = tables.get(from ?? schema);
  if (table === undefined) return tables.has(DRIZZLE_SCHEMA) ? refused(onlyForAll(schema)) : { kind: 'none' };
  try {
    const { names, problems } = await readHistory(client, table, files);
    const adoption =
      problems.length > 0
        ? { problems }
        : decideAdoption(
            files.map(({ name }) => name),
            cohort.applied,
            names,
            project.checkOrder,
          );
    return 'names' in adoption ? { kind: 'record', ...adoption } : refused(mismatch(schema, table, adoption.problems));
  } catch (error) {
    if (isConnectionError(error)) throw error;
    return refused(error);
  }
}

function refused(error: unknown): SchemaAdoption {
  return { kind: 'refused', error: serializeError(error) };
}

function mismatch(tenant: string, { schema, tool }: HistoryTable, problems: string[]): TenantsError {
  return new TenantsError(
    'HISTORY_MISMATCH',
    `The history of ${tool.title} in ${schema}.${tool.table} does not match the files: ${problems.slice(0, 3).join('; ')}${problems.length > 3 ? '; …' : ''}.`,
    {
      tenant,
      problems,
      suggestions: [
        'Bring the tenant to where the files are with the other tool, or restore the files that were applied; then run the command again.',
        `To record migrations yourself, run: ${tenantsCommand('migrate', '--tenant', tenant, '--fake', '--to', 'NAME')}`,
      ],
    },
  );
}

function onlyForAll(tenant: string): TenantsError {
  return new TenantsError(
    'HISTORY_MISMATCH',
    `There is no history of Drizzle in ${tenant}, only one for the whole database in ${DRIZZLE_SCHEMA}.`,
    {
      tenant,
      suggestions: [`If every selected tenant has what that one says, add --from ${DRIZZLE_SCHEMA}.`],
    },
  );
}
