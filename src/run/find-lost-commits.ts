import { setTimeout as sleep } from 'node:timers/promises';

import { withClient } from '../db/connect.js';
import { isRetryable } from '../db/sqlstates.js';
import type { Direction } from '../engine/types.js';
import { serializeError } from '../errors/serialize.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { TenantResult } from '../executors/types.js';
import { surveySchemas } from '../fleet/survey.js';
import type { Project } from '../project/project.js';
import { committedBy, FLUSH } from './group-commit.js';
import type { FailedResult } from './run-record.js';

/** Pause between two tries, in ms. */
const POLL_MS = 500;

/** Results that a flush does not cover, and that do not hold. */
export type LostCommits = {
  /** A crash of the server has undone them, but for the migrations in `kept`. */
  lost: { result: TenantResult; kept: string[] }[];
  /** The server could not be asked. */
  unknown: { result: TenantResult; why: Error }[];
};

/**
 * Looks into the database for what the results say; what is found there is durable afterwards.
 *
 * @param until how long a server that is being restarted is waited for, on the clock of `Date.now()`
 */
export async function findLostCommits(
  project: Project,
  results: readonly TenantResult[],
  direction: Direction,
  until = 0,
): Promise<LostCommits> {
  const { database, migrationsTable } = project;
  try {
    return await withClient(database, 'look up', async (client) => {
      const names = results.map(({ tenant }) => tenant);
      const surveyed = await surveySchemas(client, database, names, migrationsTable, 1);
      await client.query(FLUSH);
      const applied = new Map(surveyed.map((one) => [one.schema, new Set(one.applied)]));
      const lost = results.flatMap((result) => {
        const committed = committedBy(result);
        const kept = committed.filter((name) => applied.get(result.tenant)?.has(name) === (direction === 'up'));
        return kept.length === committed.length ? [] : [{ result, kept }];
      });
      return { lost, unknown: [] };
    });
  } catch (error) {
    if (!isRetryable(error) || Date.now() >= until) {
      return { lost: [], unknown: results.map((result) => ({ result, why: error as Error })) };
    }
  }
  await sleep(POLL_MS);
  return await findLostCommits(project, results, direction, until);
}

/** The result of a tenant whose migrations a crash of the server has undone, but for those in `kept`. */
export function lostResult({ tenant }: TenantResult, kept: readonly string[]): FailedResult {
  return failed(
    new TenantsError('DATABASE_ERROR', `The server crashed and took back what was done for "${tenant}".`, { tenant }),
    tenant,
    kept,
  );
}

/** The result of a tenant of which it is not known whether the server has kept what was done. */
export function unknownResult({ tenant }: TenantResult, why: Error): FailedResult {
  const error = new TenantsError(
    'OUTCOME_UNKNOWN',
    `The connection broke, and whether "${tenant}" was changed could not be found out: ${why.message}`,
    { tenant, cause: why },
  );
  return { ...failed(error, tenant, []), unknownOutcome: true };
}

function failed(error: TenantsError, tenant: string, committed: readonly string[]): FailedResult {
  const suggestions = ['Run the same command again: it finds what was done and finishes the rest.'];
  return { tenant, status: 'failed', committed: [...committed], error: { ...serializeError(error), suggestions } };
}
