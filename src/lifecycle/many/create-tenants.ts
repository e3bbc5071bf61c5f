import type { Client } from 'pg';

import { unlock } from '../../db/locks.js';
import { assertOwn } from '../../db/own-session.js';
import { queueQueries } from '../../db/queue-queries.js';
import { assertWritable } from '../../db/server.js';
import type { EngineLane } from '../../engine/apply/lane.js';
import { EXIT } from '../../errors/codes.js';
import { serializeError } from '../../errors/serialize.js';
import { isTenantsError } from '../../errors/tenants-error.js';
import { STANDARD_CONCURRENCY } from '../../executors/standard.js';
import { possibleParallelism } from '../../fleet/parallelism.js';
import { readShared } from '../../fleet/read-shared.js';
import { assertSharedCurrent, compareShared } from '../../fleet/shared-schema.js';
import type { Project } from '../../project/project.js';
import { assertRegistry } from '../../registry/check.js';
import { findTenant, isRowTenant } from '../../registry/list.js';
import { withSession } from '../../session/control-session.js';
import { forwardAbort, sharedAbortController } from '../../util/after-abort.js';
import { withDistribution } from '../citus/with-distribution.js';
import { creationLock, takeCreationLock } from '../creation-lock.js';
import { leftOutMessage, type NewTenantFiles, newTenantFiles } from '../new-tenant/files.js';
import { creationHooks, newTenantPlanner, planFrom, planNewTenant, type PlannedTenant } from '../new-tenant/plan.js';
import { isWhole, type NewTenantWork, openProvisioningLane, provision, provisionOn } from '../provision.js';
import { newChecksums } from '../record.js';
import { rowRegistrar } from '../rows/registrar.js';
import { isSnapshotFailure, notUsed, type SnapshotStart, startFromSnapshot } from '../snapshot/start.js';
import { type CheckedLine, checkLines, isWanted, refusal } from './check-lines.js';
import { asTenantResult, factsOf, handOut } from './hand-out.js';
import { readCsv, readWanted } from './read-lines.js';
import { ManyRecord } from './record-many.js';
import type { CreateTenantsOptions, CreateTenantsReport, LineResult } from './types.js';

/**
 * Creates many tenants, each as `createTenant` does: in one transaction that leaves nothing behind if it fails. The whole list is
 * checked before the first tenant is made, the migrations are compiled once, and several lanes work at a time. A tenant that exists
 * already, of the same type and with the same domains, is left as it is: the same list can be carried out again.
 *
 * @throws TenantsError USAGE with everything that is wrong with the list, line by line; and what `createTenant` throws for what is
 *   not about one tenant. Nothing has been changed then. What happens to one tenant is in the report.
 */
export async function createTenants(given: Project, options: CreateTenantsOptions): Promise<CreateTenantsReport> {
  const startedAt = performance.now();
  const read = 'csv' in options.tenants ? readCsv(given, options.tenants.csv) : readWanted(given, options.tenants);
  if (read.lines.length === 0 && read.problems.length > 0) throw refusal(read.problems);
  options.onEvent?.({ type: 'phase', phase: 'connect' });
  return await withSession(given, 'create-tenant --from', async ({ client, server, session }) => {
    assertWritable(server);
    assertOwn(session);
    queueQueries(client);
    await assertRegistry(client, given.registry);
    const project = await withDistribution(client, server, given);
    const lines = await checkLines(client, project, read);
    assertSharedCurrent(compareShared(await readShared(client, project), project.checkOrder), 'new tenant');
    const due = lines.filter(({ state }) => state !== 'exists');
    options.onEvent?.({ type: 'phase', phase: 'compile' });
    const plans = await planTypes(client, project, due, options, server.version);
    const wanted = { processes: 1, concurrency: project.concurrency ?? STANDARD_CONCURRENCY };
    const { parallelism, warning } = await possibleParallelism(client, project, wanted, Math.max(1, due.length));
    // All lanes wait for the same signal.
    const cancel = sharedAbortController();
    const ended = new AbortController();
    forwardAbort(options.cancel, cancel, ended.signal);
    const shared = { ...options, cancel: cancel.signal };
    try {
      const creation = new Creation(client, project, shared, plans, parallelism.concurrency);
      const results = await creation.run(lines, due);
      return creation.report(results, startedAt, warning === undefined ? [] : [warning]);
    } finally {
      ended.abort();
    }
  });
}

/** Where a schema stands that does not exist. */
const NOWHERE = { schema: '', oid: null, tableExists: false, applied: [] };

type Planned = PlannedTenant & Partial<SnapshotStart> & { given: NewTenantFiles };

/** One plan for each type of tenant in the list. */
async function planTypes(
  client: Client,
  project: Project,
  lines: readonly CheckedLine[],
  options: CreateTenantsOptions,
  version: number,
): Promise<Map<string | null, Planned>> {
  const planner = await newTenantPlanner(client, project);
  const plans = new Map<string | null, Planned>();
  for (const { registration } of lines) {
    const { type } = registration;
    // They share tables, which are there.
    if (isRowTenant(project.registry, registration)) continue;
    if (plans.has(type)) continue;
    const noMigrate = options.noMigrate === true;
    const given = await newTenantFiles(client, project, type, options.phase);
    const leftOut = noMigrate ? undefined : leftOutMessage(given);
    if (leftOut !== undefined) options.onEvent?.({ type: 'warning', message: leftOut });
    const usable = !noMigrate && project.tenants.distribute !== true;
    const start = usable ? await startFromSnapshot(client, project, { type, version, given }, options) : undefined;
    const wanted = { type, place: NOWHERE, options: { noMigrate, given } };
    plans.set(type, { given, ...(start ?? (await planFrom(planner, project, wanted))) });
  }
  return plans;
}

class Creation {
  readonly #client: Client;
  readonly #project: Project;
  readonly #options: CreateTenantsOptions;
  readonly #plans: ReadonlyMap<string | null, Planned>;
  readonly #concurrency: number;
  readonly #registerRow: ReturnType<typeof rowRegistrar>;
  readonly #replayed = new Set<string | null>();
  #record: ManyRecord | undefined;

  constructor(
    client: Client,
    project: Project,
    options: CreateTenantsOptions,
    plans: ReadonlyMap<string | null, Planned>,
    concurrency: number,
  ) {
    this.#client = client;
    this.#project = project;
    this.#options = options;
    this.#plans = plans;
    this.#concurrency = concurrency;
    this.#registerRow = rowRegistrar(project, options);
  }

  /** @returns the results in the order of the list */
  async run(lines: readonly CheckedLine[], due: readonly CheckedLine[]): Promise<LineResult[]> {
    const existing = lines.filter(({ state }) => state === 'exists');
    const results = new Map<number, LineResult>();
    for (const line of existing) results.set(line.line, { ...factsOf(line), status: 'exists' });
    if (due.length > 0) await this.#create(lines.length, due, results);
    return lines.flatMap(({ line }) => results.get(line) ?? []);
  }

  report(results: LineResult[], startedAt: number, warnings: string[]): CreateTenantsReport {
    return {
      durationMs: Math.round(performance.now() - startedAt),
      concurrency: this.#concurrency,
      run: this.#record?.run ?? null,
      tenants: countResults(results),
      results,
      interrupted: this.#options.drain?.aborted === true || this.#options.cancel?.aborted === true,
      warnings: [...warnings, ...(this.#record?.warnings ?? [])],
    };
  }

  async #create(total: number, due: readonly CheckedLine[], results: Map<number, LineResult>): Promise<void> {
    const { onEvent, drain, invocation } = this.#options;
    const record = new ManyRecord(this.#project, this.#client, { total, exists: total - due.length });
    this.#record = record;
    const checksums = await Promise.all(
      [...this.#plans.values()].map(({ plan, files, covered }) =>
        newChecksums(this.#client, this.#project, plan, files, covered),
      ),
    );
    const names = due.map(({ registration }) => registration.schema);
    await record.begin(names, checksums.flat(), invocation);
    onEvent?.({ type: 'phase', phase: 'tenants', total: due.length });
    const first = new Map<string | null, string>();
    try {
      await handOut(due, {
        concurrency: this.#concurrency,
        canary: this.#project.canary !== 0,
        maxFailures: this.#project.maxFailures,
        drain,
        openLane: () => this.#openLane(),
        create: (lane, line) => this.#createOne(lane, line),
        onStart: ({ registration }) => onEvent?.({ type: 'tenant:start', tenant: registration.schema }),
        onResult: (result) => {
          results.set(result.line, result);
          record.note(result);
          if (result.status === 'created' && !first.has(result.type)) first.set(result.type, result.tenant);
          onEvent?.({ type: 'tenant:done', result: asTenantResult(result) });
        },
        onStop: (reason) => onEvent?.({ type: 'stopping', reason }),
      });
    } catch (error) {
      await record.abandon();
      throw error;
    } finally {
      await this.#registerRow.close();
    }
    const counts = { ...countResults([...results.values()]) };
    await record.end(invocation?.signalExitCode() ?? exitCodeOfCounts(counts), counts, first);
  }

  async #openLane(): Promise<EngineLane> {
    const works = [...this.#plans.values()].map((planned) => ({ ...planned, leftover: false }));
    return await openProvisioningLane(this.#project, works, this.#options.cancel);
  }

  async #createOne(lane: EngineLane, line: CheckedLine): Promise<LineResult> {
    const startedAt = performance.now();
    const durationMs = (): number => Math.round(performance.now() - startedAt);
    const facts = factsOf(line);
    try {
      const migrations = await this.#provision(lane, line);
      return { ...facts, status: 'created', migrations, durationMs: durationMs() };
    } catch (error) {
      // Someone else was faster, which is as good.
      if (isTenantsError(error) && error.code === 'TENANT_EXISTS' && (await this.#isThere(line))) {
        return { ...facts, status: 'exists' };
      }
      return { ...facts, status: 'failed', error: serializeError(error), durationMs: durationMs() };
    }
  }

  async #provision(lane: EngineLane, { registration, state }: CheckedLine): Promise<string[]> {
    const { cancel, noMigrate } = this.#options;
    if (isRowTenant(this.#project.registry, registration)) {
      await this.#registerRow(registration);
      return [];
    }
    const planned = this.#plans.get(registration.type);
    if (planned === undefined) throw new Error(`There is no plan for the type "${registration.type ?? ''}".`);
    const common = {
      registration,
      options: { schema: registration.schema, ...(cancel === undefined ? {} : { cancel }) },
      hooks: creationHooks(this.#project, registration, this.#options),
    };
    const work = { ...common, ...planned, leftover: false };
    const create = (): Promise<string[]> =>
      provisionOn(lane, this.#client, this.#project, work).catch((error: unknown) => this.#replay(error, work));
    if (state === 'new' && isWhole(this.#project, work)) return await create();
    return await this.#locked(registration.schema, async () => {
      if (state === 'new') return await create();
      const rest = await planNewTenant(this.#client, this.#project, registration, {
        noMigrate: noMigrate === true,
        given: planned.given,
      });
      return await provision(this.#client, this.#project, { ...common, ...rest, leftover: true });
    });
  }

  /** The migrations themselves, after a snapshot that turned out not to work. */
  async #replay(error: unknown, work: NewTenantWork & Planned): Promise<string[]> {
    const { covered, files, registration, given } = work;
    if (covered === undefined || !isSnapshotFailure(error, { files, covered })) throw error;
    if (!this.#replayed.has(registration.type)) {
      const message = notUsed(`it failed: ${(error as Error).message}`);
      this.#options.onEvent?.({ type: 'warning', message });
    }
    this.#replayed.add(registration.type);
    const planned = await planNewTenant(this.#client, this.#project, registration, { given });
    return await provision(this.#client, this.#project, { ...work, ...planned });
  }

  /** While a tenant is unfinished, nobody else is to finish it. */
  async #locked<T>(schema: string, work: () => Promise<T>): Promise<T> {
    await takeCreationLock(this.#client, this.#project, schema, this.#options.cancel);
    try {
      return await work();
    } finally {
      await unlock(this.#client, creationLock(schema)).catch(() => undefined);
    }
  }

  async #isThere({ registration }: CheckedLine): Promise<boolean> {
    const tenant = await findTenant(this.#client, this.#project.registry, registration.schema).catch(() => undefined);
    return tenant !== undefined && isWanted(tenant, registration);
  }
}

function countResults(results: readonly LineResult[]): CreateTenantsReport['tenants'] {
  const counts = { total: results.length, created: 0, exists: 0, failed: 0, notExecuted: 0 };
  for (const { status } of results) counts[status] += 1;
  return counts;
}

function exitCodeOfCounts({
  failed,
  notExecuted,
}: Pick<CreateTenantsReport['tenants'], 'failed' | 'notExecuted'>): number {
  return failed + notExecuted > 0 ? EXIT.failed : EXIT.ok;
}

/** The exit code of the report, without signals: 1 if a tenant was not created. Pure. */
export function createTenantsExitCode({ tenants }: CreateTenantsReport): number {
  return exitCodeOfCounts(tenants);
}
