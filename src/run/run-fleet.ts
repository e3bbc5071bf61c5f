import type { Client } from 'pg';

import { isConnectionError } from '../db/sqlstates.js';
import type { EngineLane } from '../engine/apply/lane.js';
import { listMigrationFiles } from '../engine/files.js';
import { doneStatus } from '../engine/plan.js';
import type { ApplySettings, MigrationFile, Plan } from '../engine/types.js';
import { isServerError, serializeError } from '../errors/serialize.js';
import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import { findExecutor } from '../executors/find-executor.js';
import type { Parallelism } from '../executors/fit-connections.js';
import type { Executor, TenantResult } from '../executors/types.js';
import { assertExtraSearchPath } from '../fleet/assert-extra-search-path.js';
import { type Cohort, type FilesByType, formCohorts } from '../fleet/cohorts.js';
import { compileAll, type WantedCohort } from '../fleet/compile-all.js';
import { applySettings, assertTarget, readTenantFiles, sharedSource } from '../fleet/migration-sources.js';
import { createLaneOpener } from '../fleet/open-lanes.js';
import { possibleParallelism, wantedParallelism } from '../fleet/parallelism.js';
import { createPlanner, installedExtensions, type Planner } from '../fleet/planner.js';
import { selectionAmong, selectionOf } from '../fleet/selection.js';
import { applyShared, assertSharedCurrent, type SharedPlace } from '../fleet/shared-schema.js';
import { surveySchemas } from '../fleet/survey.js';
import type { FleetEvent, MigrateOptions, MigrateReport, SharedResult } from '../fleet/types.js';
import { hookSource } from '../project/hook-calls.js';
import type { Project } from '../project/project.js';
import { assertRegistry, inspectRegistry } from '../registry/check.js';
import { readTenants } from '../registry/list.js';
import { selectTenants } from '../registry/select.js';
import type { Tenant } from '../registry/types.js';
import { type LockedSession, withFleetLock } from '../session/control-session.js';
import { plural } from '../util/format-count.js';
import type { RunDirection } from './direction.js';
import { dispatch, isMoved, type PlannedCohort, StopSign } from './dispatch.js';
import { GroupCommit, inDoubt, lookUpCommits, RESTART_MS } from './group-commit.js';
import { SHARED_SKIPPED } from './report.js';
import { RunRecord } from './run-record.js';

/** What `migrate` and `rollback` have in common: everything but the course. */
export async function runFleet(
  project: Project,
  options: MigrateOptions,
  course: RunDirection,
): Promise<MigrateReport> {
  const executor = await findExecutor(project.executor);
  executor.assertUsable?.(project.database, hookSource(project));
  const run = new FleetRun(project, options, course, executor);
  return await run.start();
}

class FleetRun {
  readonly #project: Project;
  readonly #options: MigrateOptions;
  readonly #course: RunDirection;
  readonly #record: RunRecord;
  readonly #executor: Executor;
  #spread: Parallelism;
  #settings: ApplySettings;
  readonly #drain = new AbortController();
  /** Takes the listeners off the caller's signals, which may outlive the run. */
  readonly #ended = new AbortController();
  readonly #cancel: AbortSignal;
  readonly #stop: StopSign;
  readonly #plans = new Map<string, Plan>();
  #tenantFiles: FilesByType = new Map();
  #sharedFiles: MigrationFile[] = [];

  constructor(project: Project, options: MigrateOptions, course: RunDirection, executor: Executor) {
    this.#project = project;
    this.#options = options;
    this.#record = new RunRecord(options.onEvent);
    this.#course = course;
    this.#executor = executor;
    this.#settings = applySettings(project);
    this.#spread = wantedParallelism(project, executor);
    this.#cancel = options.cancel ?? new AbortController().signal;
    this.#stop = new StopSign(options.failFast === true, project.maxFailures, (reason) => {
      this.#record.emit({ type: 'stopping', reason });
      this.#drain.abort();
    });
    for (const signal of [options.drain, options.cancel]) {
      if (signal?.aborted === true) this.#stop.set('interrupted');
      signal?.addEventListener('abort', () => this.#stop.set('interrupted'), { signal: this.#ended.signal });
    }
  }

  async start(): Promise<MigrateReport> {
    this.#record.emit({ type: 'phase', phase: 'connect' });
    const lock = {
      drain: this.#drain.signal,
      onEvent: (event: FleetEvent) => this.#record.emit(event),
    };
    try {
      return await withFleetLock(this.#project, this.#course.command, lock, (session) => this.#run(session));
    } finally {
      this.#ended.abort();
      await this.#executor.close();
    }
  }

  async #run(session: LockedSession): Promise<MigrateReport> {
    const { client } = session;
    const { selection } = this.#options;
    const makeLane = createLaneOpener(
      this.#project,
      this.#plans,
      { shared: this.#sharedFiles, tenants: () => this.#tenantFiles },
      this.#cancel,
      () => this.#settings,
    );
    this.#record.emit({ type: 'phase', phase: 'survey' });
    const shared = await this.#surveyShared(client);
    const wantsShared = selection.kind !== 'tenants';
    if (!wantsShared) {
      await assertRegistry(client, this.#project.registry);
      if (this.#options.skipSharedCheck !== true) assertSharedCurrent(shared);
    } else {
      await this.#course.assertShared(client, shared, this.#sharedFiles);
    }
    const registered =
      selection.kind !== 'shared' && (await inspectRegistry(client, this.#project.registry)) === 'present';
    const first = registered ? await this.#surveyTenants(client) : undefined;

    this.#record.emit({ type: 'phase', phase: 'compile' });
    const planner = await this.#planner(client);
    const sharedPlan =
      wantsShared && shared.names.length > 0 ? await planner.shared(shared.place, shared.names) : undefined;
    const planned = first === undefined ? undefined : await this.#plan(planner, first);

    const sharedResult = wantsShared ? await this.#applyShared(makeLane, shared, sharedPlan) : SHARED_SKIPPED;
    this.#record.emit({ type: 'shared', result: sharedResult });
    if (sharedResult.status === 'failed') {
      for (const { cohort } of planned ?? []) this.#leaveOut(cohort);
    } else if (selection.kind !== 'shared') {
      await this.#migrateTenants(session, planner, makeLane, planned, sharedResult);
    }
    return this.#record.report({
      executor: this.#executor.name,
      concurrency: this.#spread.concurrency,
      shared: sharedResult,
      warnings: planner.warnings,
      interrupted: this.#options.drain?.aborted === true || this.#cancel.aborted,
      lostTo: session.lostTo(),
    });
  }

  async #surveyShared(client: Client): Promise<SharedPlace> {
    const { shared, migrationsTable, database } = this.#project;
    this.#sharedFiles.push(...(await listMigrationFiles(sharedSource(this.#project))));
    const { selection, target } = this.#options;
    const own = selection.kind === 'shared' ? target : undefined;
    assertTarget(own, [{ label: 'among the shared ones', names: this.#sharedFiles.map(({ name }) => name) }]);
    const [place] = await surveySchemas(client, database, [shared.schema], migrationsTable, 1);
    if (place === undefined) throw new Error('The survey left the shared schema out.');
    return this.#course.judgeShared(place, this.#sharedFiles, own);
  }

  /** Reads where the selected tenants stand; with `only`, just those of them. */
  async #surveyTenants(client: Client, only?: ReadonlySet<string>): Promise<Cohort[]> {
    const { registry, tenants: settings, migrationsTable, database, checkOrder } = this.#project;
    const { selection, target } = this.#options;
    const all = await readTenants(client, registry, { order: settings.order });
    assertExtraSearchPath(
      this.#project,
      all.map(({ schema }) => schema),
    );
    const chosen = only === undefined ? selectionOf(selection) : selectionAmong(all, selection);
    const selected = selectTenants(all, chosen, registry, Object.keys(settings.types ?? {}));
    const tenants =
      only === undefined ? selected : selected.filter(({ schema }) => only.has(schema) || !this.#record.has(schema));
    this.#record.count(tenants.filter(({ schema }) => only?.has(schema) !== true).length);
    await this.#readFiles(tenants);
    assertTarget(
      target,
      [...this.#tenantFiles].map(([type, files]) => ({
        label: type === null ? 'among the tenant migrations' : `for tenants of type "${type}"`,
        names: files.map(({ name }) => name),
      })),
    );
    const names = tenants.map(({ schema }) => schema);
    const surveyed = await surveySchemas(client, database, names, migrationsTable, this.#spread.concurrency);
    return formCohorts(tenants, surveyed, this.#tenantFiles, checkOrder);
  }

  async #readFiles(tenants: readonly Tenant[]): Promise<void> {
    const read = await readTenantFiles(this.#project, tenants);
    this.#tenantFiles = new Map([...this.#tenantFiles, ...read]);
  }

  async #planner(client: Client): Promise<Planner> {
    return createPlanner({
      project: this.#project,
      direction: this.#course.direction,
      fake: this.#options.fake === true,
      shared: { source: sharedSource(this.#project), files: this.#sharedFiles },
      tenantFiles: () => this.#tenantFiles,
      extensions: await installedExtensions(client),
    });
  }

  /** Compiles what cohorts must run and settles everybody who has nothing to do or cannot do it. */
  async #plan(planner: Planner, cohorts: readonly Cohort[]): Promise<PlannedCohort[]> {
    const planned: PlannedCohort[] = [];
    const blocked: TenantResult[] = [];
    const wanted: WantedCohort[] = [];
    let pending = 0;
    for (const cohort of cohorts) {
      for (const result of this.#course.blocked(cohort)) blocked.push(result);
      const names = this.#namesFor(cohort);
      if (names !== undefined) wanted.push({ cohort, names });
    }
    this.#course.assertWanted(wanted, this.#tenantFiles);
    await compileAll(planner, wanted);
    for (const { cohort, names } of wanted) {
      if (names.length === 0) {
        for (const { schema } of cohort.members) {
          this.#record.settleUpToDate(schema, doneStatus(this.#course.direction));
        }
        continue;
      }
      const plan = await planner.cohort(cohort, names);
      this.#plans.set(plan.id, plan);
      planned.push({ cohort, plan });
      pending += cohort.members.length;
    }
    if (cohorts.length > 0) {
      this.#record.emit({
        type: 'surveyed',
        total: this.#record.total,
        upToDate: this.#record.upToDate,
        pending,
        blocked: blocked.length,
        cohorts: cohorts.length,
      });
    }
    for (const result of blocked) this.#record.settle(result);
    return planned;
  }

  /** What a cohort is to run; `undefined` when it is left alone. */
  #namesFor(cohort: Cohort): string[] | undefined {
    if (cohort.state.kind === 'missing' && this.#options.missing === 'skip') this.#record.count(-cohort.members.length);
    const files = (this.#tenantFiles.get(cohort.type) ?? []).map(({ name }) => name);
    return this.#course.namesFor(cohort, files);
  }

  async #applyShared(
    makeLane: () => Promise<EngineLane>,
    shared: SharedPlace,
    plan: Plan | undefined,
  ): Promise<SharedResult> {
    if (plan === undefined) return { status: 'upToDate', migrations: [], error: null };
    if (this.#stop.reason !== undefined) return SHARED_SKIPPED;
    this.#record.emit({ type: 'phase', phase: 'shared' });
    this.#plans.set(plan.id, plan);
    const lane = await makeLane();
    try {
      return await applyShared(lane, plan, shared.place);
    } finally {
      await lane.close();
    }
  }

  async #migrateTenants(
    session: LockedSession,
    planner: Planner,
    makeLane: () => Promise<EngineLane>,
    first: PlannedCohort[] | undefined,
    shared: SharedResult,
  ): Promise<void> {
    let planned = first;
    if (planned === undefined) {
      await this.#assertRegistryMade(session.client, shared);
      planned = await this.#plan(planner, await this.#surveyTenants(session.client));
    }
    const members = planned.reduce((sum, { cohort }) => sum + cohort.members.length, 0);
    if (members > 0) this.#record.emit({ type: 'phase', phase: 'tenants', total: members });
    if (members > 0) await this.#fitConnections(session.client, members);
    for (let round = 1; planned.length > 0; round += 1) {
      const commits = await GroupCommit.begin(() => session.client);
      this.#settings = { ...this.#settings, groupCommit: commits !== undefined };
      const results = await dispatch(planned, {
        project: this.#project,
        executor: this.#executor,
        concurrency: this.#spread.concurrency,
        maxProcesses: this.#spread.processes,
        plans: this.#plans,
        settings: this.#settings,
        commits,
        openLane: makeLane,
        stop: this.#stop,
        anotherRound: round < this.#course.rounds,
        holdsLock: () => session.holdsLock(),
        drain: this.#drain.signal,
        cancel: this.#cancel,
        onEvent: (event) => this.#record.emit(event),
        onWorkers: (alive) => this.#record.workers(alive),
        onFailure: (error) => this.#record.fail(error),
      }).catch(async (error: unknown) => {
        await commits?.end();
        throw error;
      });
      for (const result of results) this.#record.set(result);
      const isLast = round >= this.#course.rounds || this.#stop.reason !== undefined;
      const takenBack = await this.#secure(session, commits);
      if (isLast) return;
      const moved = results.filter((result) => isMoved(result)).map(({ tenant }) => tenant);
      const again = new Set([...moved, ...takenBack]);
      if (!(await session.holdsLock())) return;
      this.#record.emit({ type: 'phase', phase: 'verify' });
      planned = await this.#lookAgain(session.client, planner, again);
    }
  }

  /** Makes durable what was committed; answers the tenants that a crash of the server has taken back. */
  async #secure(session: LockedSession, commits: GroupCommit | undefined): Promise<string[]> {
    const doubtful = (await commits?.end()) ?? [];
    if (doubtful.length === 0) return [];
    // Waits for a server that is being restarted, but for one that has just gone away it does not know yet.
    const until = (await session.holdsLock()) ? Date.now() + RESTART_MS : 0;
    const { takenBack, unknown } = await lookUpCommits(this.#project, doubtful, this.#course.direction, until);
    for (const { result, left } of takenBack) this.#record.takeBack(inDoubt(result, left));
    for (const { result, why } of unknown) this.#record.set(inDoubt(result, [], why));
    if (takenBack.length > 0) {
      this.#record.warn(`The server crashed and took back what was done for ${plural(takenBack.length, 'tenant')}.`);
    }
    return takenBack.map(({ result }) => result.tenant);
  }

  /** What is refused after the shared schema was changed is no refusal that touched nothing. */
  async #assertRegistryMade(client: Client, shared: SharedResult): Promise<void> {
    try {
      await assertRegistry(client, this.#project.registry);
    } catch (error) {
      if (shared.status !== 'applied' || !isTenantsError(error)) throw error;
      throw new TenantsError('REGISTRY_NOT_MADE', `The shared schema was migrated. ${error.message}`, {
        ...error.details,
        suggestions: error.suggestions,
      });
    }
  }

  /** No lane is to meet a server that is full. */
  async #fitConnections(client: Client, tenants: number): Promise<void> {
    const { spread, warning } = await possibleParallelism(client, this.#project, this.#spread, tenants);
    this.#spread = spread;
    if (warning !== undefined) this.#record.warn(warning);
  }

  /**
   * Plans for tenants that were created meanwhile, and again for those that were changed. What goes wrong here takes nothing
   * away from what was done: the report says it.
   */
  async #lookAgain(client: Client, planner: Planner, again: ReadonlySet<string>): Promise<PlannedCohort[]> {
    let members: string[] = [];
    try {
      const cohorts = await this.#surveyTenants(client, again);
      members = cohorts.flatMap((cohort) => cohort.members.map(({ schema }) => schema));
      const known = new Set(members);
      for (const tenant of again) {
        this.#record.forget(tenant);
        // Deleted, or renamed and found under another name.
        if (!known.has(tenant)) this.#record.count(-1);
      }
      return await this.#plan(planner, cohorts);
    } catch (error) {
      if (!(error instanceof Error) || !isExpected(error)) throw error;
      this.#record.warn(`Tenants that were created or changed meanwhile were left out: ${error.message}`);
      for (const tenant of members) {
        if (this.#record.has(tenant)) continue;
        this.#record.settle({ tenant, status: 'failed', committed: [], error: serializeError(error) });
      }
      return [];
    }
  }

  /** Tenants that had work to do when the shared schema failed. */
  #leaveOut(cohort: Cohort): void {
    for (const { schema } of cohort.members) {
      this.#record.set({ tenant: schema, status: 'notExecuted', reason: 'sharedFailed' });
    }
  }
}

/** Not a mistake in this program. */
function isExpected(error: Error): boolean {
  return isTenantsError(error) || isServerError(error) || isConnectionError(error);
}
