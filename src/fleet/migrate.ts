import type { Client } from 'pg';

import type { EngineLane } from '../engine/lane.js';
import { listMigrationFiles } from '../engine/files.js';
import type { MigrationFile, Plan } from '../engine/types.js';
import { resolveExecutor } from '../executors/resolve.js';
import { STANDARD_CONCURRENCY } from '../executors/standard.js';
import type { TenantResult } from '../executors/types.js';
import { assertRegistry, inspectRegistry, listTenants, selectTenants, type Tenant } from '../registry/index.js';
import { blockedResults } from './blocked.js';
import { type Cohort, type FilesByType, formCohorts } from './cohorts.js';
import { createPlanner, installedExtensions, type Planner } from './compile.js';
import { handOut, isMoved, type PlannedCohort, StopSign } from './hand-out.js';
import { laneFactory } from './lanes.js';
import type { Project } from './project.js';
import { makeReport, SHARED_SKIPPED } from './report.js';
import { type LockedSession, withFleetLock } from './session.js';
import {
  applyShared,
  assertSharedCurrent,
  assertSharedUsable,
  judgeShared,
  type SharedPlace,
} from './shared-schema.js';
import { assertTarget, readTenantFiles, sharedSource } from './source.js';
import { upTo } from './state.js';
import { surveySchemas } from './survey.js';
import type { FleetEvent, MigrateOptions, MigrateReport, SharedResult } from './types.js';
import { assertMigrateOptions } from './validate.js';

/** Rounds in which tenants that were created or changed meanwhile are looked at again. */
const ROUNDS = 3;

/**
 * Migrates the shared schema, then the selected tenants.
 *
 * Everything that exists is surveyed and compiled before the first change; what is refused is refused then. A tenant that
 * fails is rolled back to where it was and the others go on; the report says what became of each.
 *
 * @throws TenantsError for what concerns the whole run: wrong options, an unknown tenant, a refused migration, a database
 *   that cannot be used, another run at work. Nothing was touched then.
 */
export async function migrate(project: Project, options: MigrateOptions): Promise<MigrateReport> {
  assertMigrateOptions(options);
  const run = new MigrateRun(project, options);
  return await run.start();
}

class MigrateRun {
  readonly #project: Project;
  readonly #options: MigrateOptions;
  readonly #startedAt = performance.now();
  readonly #executor;
  readonly #concurrency: number;
  readonly #drain = new AbortController();
  readonly #cancel: AbortSignal;
  readonly #stop: StopSign;
  readonly #plans = new Map<string, Plan>();
  readonly #results = new Map<string, TenantResult>();
  readonly #warnings: string[] = [];
  readonly #upToDate = new Set<string>();
  #tenantFiles: FilesByType = new Map();
  #sharedFiles: MigrationFile[] = [];
  #total = 0;

  constructor(project: Project, options: MigrateOptions) {
    this.#project = project;
    this.#options = options;
    this.#executor = resolveExecutor(project.executor);
    this.#concurrency = project.concurrency ?? STANDARD_CONCURRENCY;
    this.#cancel = options.cancel ?? new AbortController().signal;
    this.#stop = new StopSign(options.failFast === true, project.maxFailures, (reason) => {
      this.#emit({ type: 'stopping', reason });
      this.#drain.abort();
    });
    for (const signal of [options.drain, options.cancel]) {
      if (signal?.aborted === true) this.#stop.set('interrupted');
      signal?.addEventListener('abort', () => this.#stop.set('interrupted'), { once: true });
    }
  }

  async start(): Promise<MigrateReport> {
    this.#emit({ type: 'phase', phase: 'connect' });
    const lock = {
      drain: this.#drain.signal,
      onEvent: (event: FleetEvent) => this.#emit(event),
    };
    try {
      return await withFleetLock(this.#project, 'migrate', lock, (session) => this.#run(session));
    } finally {
      await this.#executor.close();
    }
  }

  async #run(session: LockedSession): Promise<MigrateReport> {
    const { client } = session;
    const { selection } = this.#options;
    const makeLane = laneFactory(
      this.#project,
      this.#plans,
      { shared: this.#sharedFiles, tenants: () => this.#tenantFiles },
      this.#cancel,
    );
    this.#emit({ type: 'phase', phase: 'survey' });
    const shared = await this.#surveyShared(client);
    const wantsShared = selection.kind !== 'tenants';
    if (!wantsShared) {
      await assertRegistry(client, this.#project.registry);
      if (this.#options.skipSharedCheck !== true) assertSharedCurrent(shared);
    } else {
      assertSharedUsable(shared);
    }
    const registered =
      selection.kind !== 'shared' && (await inspectRegistry(client, this.#project.registry)) === 'present';
    const first = registered ? await this.#surveyTenants(client) : undefined;

    this.#emit({ type: 'phase', phase: 'compile' });
    const planner = await this.#planner(client);
    const sharedPlan =
      wantsShared && shared.names.length > 0 ? await planner.shared(shared.place, shared.names) : undefined;
    const planned = first === undefined ? undefined : await this.#plan(planner, first);

    const sharedResult = wantsShared ? await this.#applyShared(makeLane, shared, sharedPlan) : SHARED_SKIPPED;
    this.#emit({ type: 'shared', result: sharedResult });
    if (sharedResult.status === 'failed') {
      for (const cohort of first ?? []) this.#leaveOut(cohort);
    } else if (selection.kind !== 'shared') {
      await this.#migrateTenants(session, planner, makeLane, planned);
    }
    return this.#report(sharedResult, planner);
  }

  async #surveyShared(client: Client): Promise<SharedPlace> {
    const { shared, migrationsTable, database, checkOrder } = this.#project;
    this.#sharedFiles.push(...(await listMigrationFiles(sharedSource(this.#project))));
    const { selection, target } = this.#options;
    const own = selection.kind === 'shared' ? target : undefined;
    assertTarget(own, [{ label: 'among the shared ones', names: this.#sharedFiles.map(({ name }) => name) }]);
    const [place] = await surveySchemas(client, database, [shared.schema], migrationsTable, 1);
    if (place === undefined) throw new Error('The survey left the shared schema out.');
    return judgeShared(place, this.#sharedFiles, checkOrder, own);
  }

  /** Reads where the selected tenants stand; with `only`, just those of them. */
  async #surveyTenants(client: Client, only?: ReadonlySet<string>): Promise<Cohort[]> {
    const { registry, tenants: settings, migrationsTable, database, checkOrder } = this.#project;
    const { selection, target } = this.#options;
    const all = await listTenants(client, registry, { order: settings.order });
    const chosen = selection.kind === 'tenants' ? selection : {};
    const selected = selectTenants(all, chosen, registry, Object.keys(settings.types ?? {}));
    const tenants = only === undefined ? selected : selected.filter(({ schema }) => this.#isNew(schema, only));
    this.#total += tenants.filter(({ schema }) => only?.has(schema) !== true).length;
    await this.#readFiles(tenants);
    assertTarget(
      target,
      [...this.#tenantFiles].map(([type, files]) => ({
        label: type === null ? 'among the tenant migrations' : `for tenants of type "${type}"`,
        names: files.map(({ name }) => name),
      })),
    );
    const names = tenants.map(({ schema }) => schema);
    const surveyed = await surveySchemas(client, database, names, migrationsTable, this.#concurrency);
    return formCohorts(tenants, surveyed, this.#tenantFiles, checkOrder);
  }

  async #readFiles(tenants: readonly Tenant[]): Promise<void> {
    const read = await readTenantFiles(this.#project, tenants);
    this.#tenantFiles = new Map([...this.#tenantFiles, ...read]);
  }

  #isNew(schema: string, again: ReadonlySet<string>): boolean {
    return again.has(schema) || !(this.#results.has(schema) || this.#upToDate.has(schema));
  }

  async #planner(client: Client): Promise<Planner> {
    return createPlanner({
      project: this.#project,
      direction: 'up',
      fake: this.#options.fake === true,
      shared: { source: sharedSource(this.#project), files: this.#sharedFiles },
      tenantFiles: () => this.#tenantFiles,
      extensions: await installedExtensions(client),
    });
  }

  /** Compiles what cohorts must run and settles everybody who has nothing to do or cannot do it. */
  async #plan(planner: Planner, cohorts: readonly Cohort[]): Promise<PlannedCohort[]> {
    const missing = this.#options.missing ?? 'report';
    const planned: PlannedCohort[] = [];
    const blocked: TenantResult[] = [];
    let pending = 0;
    for (const cohort of cohorts) {
      blocked.push(...blockedResults(cohort, missing));
      const names = this.#namesFor(cohort, missing);
      if (names === undefined) continue;
      if (names.length === 0) {
        for (const { schema } of cohort.members) this.#upToDate.add(schema);
        continue;
      }
      const plan = await planner.cohort(cohort, names);
      this.#plans.set(plan.id, plan);
      planned.push({ cohort, plan });
      pending += cohort.members.length;
    }
    this.#emit({
      type: 'surveyed',
      total: this.#total,
      upToDate: this.#upToDate.size,
      pending,
      blocked: blocked.length,
      cohorts: cohorts.length,
    });
    for (const result of blocked) this.#settle(result);
    return planned;
  }

  /** What a cohort is to run; `undefined` when it is left alone. */
  #namesFor(cohort: Cohort, missing: 'report' | 'create' | 'skip'): string[] | undefined {
    const { state } = cohort;
    if (state.kind === 'upToDate') return [];
    if (state.kind !== 'pending' && (state.kind !== 'missing' || missing !== 'create')) {
      if (state.kind === 'missing' && missing === 'skip') this.#total -= cohort.members.length;
      return undefined;
    }
    const files = (this.#tenantFiles.get(cohort.type) ?? []).map(({ name }) => name);
    return upTo(files, state.pending, this.#options.target);
  }

  async #applyShared(makeLane: () => EngineLane, shared: SharedPlace, plan: Plan | undefined): Promise<SharedResult> {
    if (plan === undefined) return { status: 'upToDate', migrations: [], error: null };
    if (this.#stop.reason !== undefined) return SHARED_SKIPPED;
    this.#emit({ type: 'phase', phase: 'shared' });
    this.#plans.set(plan.id, plan);
    const lane = makeLane();
    try {
      return await applyShared(lane, plan, shared.place);
    } finally {
      await lane.close();
    }
  }

  async #migrateTenants(
    session: LockedSession,
    planner: Planner,
    makeLane: () => EngineLane,
    first: PlannedCohort[] | undefined,
  ): Promise<void> {
    let planned = first;
    if (planned === undefined) {
      await assertRegistry(session.client, this.#project.registry);
      planned = await this.#plan(planner, await this.#surveyTenants(session.client));
    }
    const members = planned.reduce((sum, { cohort }) => sum + cohort.members.length, 0);
    if (members > 0) this.#emit({ type: 'phase', phase: 'tenants', total: members });
    for (let round = 1; planned.length > 0; round += 1) {
      const results = await handOut(planned, {
        project: this.#project,
        executor: this.#executor,
        concurrency: this.#concurrency,
        plans: this.#plans,
        openLane: makeLane,
        stop: this.#stop,
        anotherRound: round < ROUNDS,
        holdsLock: () => session.holdsLock(),
        drain: this.#drain.signal,
        cancel: this.#cancel,
        onEvent: (event) => this.#emit(event),
      });
      for (const result of results) this.#results.set(result.tenant, result);
      const again = new Set(results.filter((result) => isMoved(result)).map(({ tenant }) => tenant));
      if (round >= ROUNDS || this.#stop.reason !== undefined) return;
      if (!(await session.holdsLock())) return;
      this.#emit({ type: 'phase', phase: 'verify' });
      planned = await this.#plan(planner, await this.#surveyTenants(session.client, again));
      for (const tenant of again) if (this.#upToDate.has(tenant)) this.#results.delete(tenant);
    }
  }

  /** Tenants that had work to do when the shared schema failed. */
  #leaveOut(cohort: Cohort): void {
    const waits = cohort.state.kind === 'pending';
    for (const { schema } of waits ? cohort.members : []) {
      this.#results.set(schema, { tenant: schema, status: 'notExecuted', reason: 'sharedFailed' });
    }
  }

  #settle(result: TenantResult): void {
    this.#results.set(result.tenant, result);
    this.#emit({ type: 'tenant:done', result });
  }

  #report(shared: SharedResult, planner: Planner): MigrateReport {
    return makeReport({
      startedAt: this.#startedAt,
      executor: this.#executor.name,
      processes: 1,
      concurrency: this.#concurrency,
      shared,
      total: this.#total,
      upToDate: this.#upToDate.size,
      results: [...this.#results.values()],
      warnings: [...planner.warnings, ...this.#warnings],
      interrupted: this.#options.drain?.aborted === true || this.#options.cancel?.aborted === true,
    });
  }

  #emit(event: FleetEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch {
      // A listener only looks on.
    }
  }
}
