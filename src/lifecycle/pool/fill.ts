import type { Client } from 'pg';

import { fleetPoolLock, tryLock, unlock } from '../../db/locks.js';
import type { EngineLane } from '../../engine/apply/lane.js';
import type { MigrationFile, Plan } from '../../engine/types.js';
import { isTenantsError } from '../../errors/tenants-error.js';
import { STANDARD_CONCURRENCY } from '../../executors/standard.js';
import { applySettings } from '../../fleet/apply-settings.js';
import { createLaneOpener } from '../../fleet/open-lanes.js';
import { possibleParallelism } from '../../fleet/parallelism.js';
import type { Planner } from '../../fleet/planner.js';
import type { SurveyedSchema } from '../../fleet/survey.js';
import type { NewChecksum } from '../../journal/checksums/store.js';
import { recordChange } from '../../journal/write/change-journal.js';
import type { Project } from '../../project/project.js';
import { forwardAbort, sharedAbortController } from '../../util/after-abort.js';
import { newTenantPlanner } from '../new-tenant/plan.js';
import { framePlan } from '../provision.js';
import { newChecksums } from '../record.js';
import { findOrphans, lookAtPool, type PoolLook } from './look.js';
import { dropSchema, makeSchema, updateSchema } from './make-schema.js';
import type { PoolOfType, PoolOptions, PoolReport } from './types.js';

type Done = Pick<PoolOfType, 'created' | 'updated' | 'dropped'>;

/** What was done for each type. */
export type Filled = Pick<PoolReport, 'failures' | 'busy' | 'warnings'> & { done: Map<string | null, Done> };

/** One thing that a lane does. */
type Task = { type: string | null; kind: 'created' | 'updated'; run: (lane: EngineLane) => Promise<void> };

type FillOptions = PoolOptions & { size: number };

/** Makes, updates and removes schemas of the pool. One process at a time; another finds the pool `busy`. */
export async function fillPool(client: Client, project: Project, options: FillOptions): Promise<Filled> {
  const filled: Filled = { failures: [], busy: false, warnings: [], done: new Map() };
  const key = fleetPoolLock(project.shared.schema);
  if (!(await tryLock(client, key))) return { ...filled, busy: true };
  try {
    await fill(client, project, options, filled);
    return filled;
  } finally {
    await unlock(client, key).catch(() => undefined);
  }
}

async function fill(client: Client, project: Project, options: FillOptions, filled: Filled): Promise<void> {
  const looks = await lookAtPool(client, project);
  for (const { type } of looks) filled.done.set(type, { created: 0, updated: 0, dropped: 0 });
  const plans = new Map<string, Plan>();
  const files = new Map<string, readonly MigrationFile[]>();
  const checksums: NewChecksum[] = [];
  const planner = await newTenantPlanner(client, project);
  const tasks: Task[] = [];
  const surplus: { schema: string; type: string | null }[] = [];
  for (const one of await findOrphans(client, project)) surplus.push({ schema: one.schema, type: one.mark.type });
  for (const look of looks) {
    const { type, mark } = look;
    const useless = [...look.unfinished, ...look.outdated, ...look.ready.slice(options.size)];
    const kept = Math.min(look.ready.length, options.size);
    const behind = look.behind.slice(0, options.size - kept);
    useless.push(...look.behind.slice(behind.length));
    surplus.push(...useless.map(({ schema }) => ({ schema, type })));
    const add = async (place: SurveyedSchema): Promise<Plan> => {
      const plan = await planOf(planner, look, place);
      plans.set(plan.id, framePlan(plan, true));
      files.set(plan.id, look.all);
      return plan;
    };
    for (const one of behind) {
      const { id: planId } = await add(one.place);
      tasks.push({ type, kind: 'updated', run: (lane) => updateSchema(lane, client, project, one, { planId, mark }) });
    }
    const missing = options.size - kept - behind.length;
    if (missing === 0) continue;
    const plan = await add(EMPTY);
    checksums.push(...(await newChecksums(client, project, plan, look.all)));
    const work = { planId: plan.id, mark };
    for (let n = 0; n < missing; n += 1) {
      tasks.push({ type, kind: 'created', run: (lane) => makeSchema(lane, client, project, work) });
    }
  }
  if (tasks.length + surplus.length === 0) return;
  const change = {
    command: 'pool',
    invocation: options.invocation,
    checksums,
    onWarning: (message: string) => void filled.warnings.push(message),
    summarize: () => ({ exitCode: filled.failures.length > 0 ? 1 : 0, counts: countsOf(filled) }),
  };
  await recordChange(
    project,
    () => client,
    change,
    async () => {
      await removeAll(client, project, surplus, filled);
      await runTasks(client, project, options, { tasks, plans, files }, filled);
    },
  );
}

/** Where a schema of the pool stands when it has just been made. */
const EMPTY: SurveyedSchema = { schema: '', oid: 0, tableExists: false, applied: [] };

async function planOf(planner: Planner, { type, files, all }: PoolLook, place: SurveyedSchema): Promise<Plan> {
  const done = new Set(place.applied);
  const names = files.map(({ name }) => name).filter((name) => !done.has(name));
  const { applied, tableExists } = place;
  const state = { kind: 'pending', pending: names } as const;
  return await planner.planCohort({ cohort: { type, state, applied, tableExists, members: [] }, files: all, names });
}

async function removeAll(
  client: Client,
  project: Project,
  schemas: readonly { schema: string; type: string | null }[],
  { done }: Filled,
): Promise<void> {
  for (const { schema, type } of schemas) {
    // Somebody is at work on it: the next time is early enough.
    const dropped = await dropSchema(client, project, schema).then(
      () => true,
      () => false,
    );
    const counts = done.get(type);
    if (dropped && counts !== undefined) counts.dropped += 1;
  }
}

async function runTasks(
  client: Client,
  project: Project,
  { drain, cancel, onEvent }: FillOptions,
  {
    tasks,
    plans,
    files,
  }: { tasks: readonly Task[]; plans: Map<string, Plan>; files: Map<string, readonly MigrationFile[]> },
  filled: Filled,
): Promise<void> {
  if (tasks.length === 0) return;
  onEvent?.({ type: 'phase', phase: 'tenants', total: tasks.length });
  const shared = sharedAbortController();
  const ended = new AbortController();
  forwardAbort(cancel, shared, ended.signal);
  const openLane = createLaneOpener({
    // Hooks are called for tenants, and it is not known yet which.
    project: { ...project, hooks: {} },
    plans,
    filesOf: ({ id }) => files.get(id) ?? [],
    settings: { ...applySettings(project), registry: undefined },
    cancel: shared.signal,
  });
  const wanted = { processes: 1, concurrency: project.concurrency ?? STANDARD_CONCURRENCY };
  const { parallelism } = await possibleParallelism(client, project, wanted, tasks.length);
  const queue = tasks.values();
  const work = async (): Promise<void> => {
    let lane: EngineLane | undefined;
    try {
      for (let next = queue.next(); next.done !== true; next = queue.next()) {
        const { type, kind, run } = next.value;
        if (drain?.aborted === true) return;
        // What one schema of the type could not have, the next one cannot have either.
        if (filled.failures.some((failure) => failure.type === type)) continue;
        lane ??= await openLane();
        const startedAt = performance.now();
        const label = type ?? 'pool';
        onEvent?.({ type: 'tenant:start', tenant: label });
        try {
          await run(lane);
          const counts = filled.done.get(type);
          if (counts !== undefined) counts[kind] += 1;
        } catch (error) {
          if (isTenantsError(error) && error.code === 'INTERRUPTED') return;
          if (!filled.failures.some((failure) => failure.type === type)) {
            filled.failures.push({ type, message: sentence(type, error) });
          }
        }
        const durationMs = performance.now() - startedAt;
        onEvent?.({ type: 'tenant:done', result: { tenant: label, status: 'applied', migrations: [], durationMs } });
      }
    } finally {
      await lane?.close();
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(parallelism.concurrency, tasks.length) }, work));
  } finally {
    ended.abort();
  }
}

function sentence(type: string | null, error: unknown): string {
  const who = type === null ? 'Tenants' : `Tenants of the type "${type}"`;
  const why = error instanceof Error ? error.message : String(error);
  return `${who} cannot be made ahead: ${why.replace(/\.$/, '')}.`;
}

function countsOf({ done, failures }: Filled): Record<string, number> {
  const counts = { created: 0, updated: 0, dropped: 0, failed: failures.length };
  for (const one of done.values()) {
    for (const key of ['created', 'updated', 'dropped'] as const) counts[key] += one[key];
  }
  return counts;
}
