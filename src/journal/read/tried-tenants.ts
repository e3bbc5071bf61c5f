import type { Client } from 'pg';

import { arrayLiteral } from '../../db/identifiers.js';
import type { Project } from '../../project/project.js';
import { findJournal } from '../place/open-for-reading.js';
import { journalTable } from '../place/versions.js';

/** A rollout that goes through more runs than this repeats what failed in the oldest of them. */
const RUNS = 20;

type Row = { tenant: string; migrations: string[] };

/**
 * The tenants that have failed in an earlier `migrate` with just the migrations that they are to run now. Without a journal, or when
 * it cannot be read, there are none.
 *
 * @param own the run that asks
 * @param planned what each tenant is to run
 */
export async function readTriedTenants(
  client: Client,
  project: Pick<Project, 'journal' | 'role' | 'shared'>,
  own: number | null,
  planned: ReadonlyMap<string, readonly string[]>,
): Promise<Set<string>> {
  try {
    const place = own === null ? undefined : await findJournal(client, project);
    if (place === undefined) return new Set();
    const table = (name: 'runs' | 'results' | 'plans'): string => journalTable(place.schema, name);
    const { rows } = await client.query<Row>(
      `WITH recent AS (SELECT r.id FROM ${table('runs')} r
                        WHERE r.command = 'migrate' AND r.shared_schema = $1::text AND r.id < $2::bigint
                        ORDER BY r.id DESC LIMIT ${RUNS}),
            latest AS (SELECT DISTINCT ON (t.tenant) t.run, t.tenant, t.status
                         FROM recent JOIN ${table('results')} t ON t.run = recent.id
                        WHERE t.tenant = ANY ($3::text[]) AND t.status <> 'notExecuted'
                        ORDER BY t.tenant, t.run DESC)
       SELECT l.tenant, p.migrations
         FROM latest l CROSS JOIN LATERAL (
              SELECT p.migrations FROM ${table('plans')} p
               WHERE p.run = l.run AND l.tenant = ANY (p.tenants) ORDER BY p.number DESC LIMIT 1) p
        WHERE l.status = 'failed'`,
      [project.shared.schema, own, arrayLiteral([...planned.keys()])],
    );
    return new Set(
      rows.filter(({ tenant, migrations }) => isSame(migrations, planned.get(tenant))).map(({ tenant }) => tenant),
    );
  } catch {
    return new Set();
  }
}

function isSame(before: readonly string[], now: readonly string[] | undefined): boolean {
  return JSON.stringify(before) === JSON.stringify(now);
}
