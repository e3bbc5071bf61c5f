import { findCommitOutcome } from '../../db/backend/commit-outcome.js';
import type { Direction } from '../../engine/types.js';
import { serializeError } from '../../errors/serialize.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { TenantResult } from '../../executors/types.js';
import { surveySchemas } from '../../fleet/survey.js';
import type { Project } from '../../project/project.js';
import type { FailedResult } from '../run-record.js';
import { committedBy, FLUSH } from './group-commit.js';

/** What is looked for in the database. */
export type Doubtful = {
  results: readonly TenantResult[];
  /** Tenants that had nothing to do, with the migrations that they had. */
  current: ReadonlyMap<string, readonly string[]>;
};

/** Results that do not hold. */
export type LostCommits = {
  /** The server has lost what was done, but for the migrations in `kept`. */
  lost: { tenant: string; kept: string[] }[];
  /** The server could not be asked. */
  unknown: { tenant: string; why: Error }[];
};

export type LookUpOptions = {
  direction: Direction;
  /** Make durable what is found. */
  flush: boolean;
  /** How long a server that is being restarted is waited for, in ms. */
  waitMs: number;
  cancel?: AbortSignal;
};

/** Looks into the database for what the results say. */
export async function findLostCommits(
  project: Project,
  { results, current }: Doubtful,
  { direction, flush, waitMs, cancel }: LookUpOptions,
): Promise<LostCommits> {
  const { database, migrationsTable } = project;
  const tenants = [...results.map(({ tenant }) => tenant), ...current.keys()];
  const outcome = await findCommitOutcome({
    database,
    purpose: 'look up',
    waitMs,
    cancel,
    ask: async (client) => {
      const surveyed = await surveySchemas(client, database, tenants, migrationsTable, { connections: 1 });
      if (flush) await client.query(FLUSH);
      return new Map(surveyed.map(({ schema, applied }) => [schema, applied]));
    },
  });
  if ('unknown' in outcome) {
    return { lost: [], unknown: tenants.map((tenant) => ({ tenant, why: outcome.unknown })) };
  }
  const appliedTo = (tenant: string): readonly string[] => outcome.found.get(tenant) ?? [];
  const lost = results.flatMap((result) => {
    const applied = new Set(appliedTo(result.tenant));
    const committed = committedBy(result);
    const kept = committed.filter((name) => applied.has(name) === (direction === 'up'));
    return kept.length === committed.length ? [] : [{ tenant: result.tenant, kept }];
  });
  for (const [tenant, had] of current) {
    if (!isSameList(appliedTo(tenant), had)) lost.push({ tenant, kept: [] });
  }
  return { lost, unknown: [] };
}

/** The result of a tenant whose migrations the server has lost, but for those in `kept`. */
export function lostResult(tenant: string, kept: readonly string[]): FailedResult {
  const error = new TenantsError('DATABASE_ERROR', `The server took back what was done for "${tenant}". ${WHY_LOST}`, {
    tenant,
  });
  return failed(error, tenant, kept);
}

/** Why a server lacks what it had. */
export const WHY_LOST = 'It crashed, or a standby that lagged behind has taken its place.';

/** The result of a tenant of which it is not known whether the server has kept what was done. */
export function unknownResult(tenant: string, why: Error): FailedResult {
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

function isSameList(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((name, index) => name === others[index]);
}
