import pLimit from 'p-limit';

import { runHookAlone } from '../../engine/hooks/run-hook.js';
import { doneStatus } from '../../engine/plan.js';
import { EXIT } from '../../errors/codes.js';
import { serializeError } from '../../errors/serialize.js';
import { isTenantsError } from '../../errors/tenants-error.js';
import type { TenantResult } from '../../executors/types.js';
import type { AfterRunContext, RunHookContext, RunHooks } from '../../project/hook-types.js';
import type { Project } from '../../project/project.js';
import type { RunDirection } from '../direction.js';
import { committedBy } from '../durability/group-commit.js';
import { exitCodeOf } from '../report.js';
import type { HookFailure, MigrateOptions, MigrateReport } from '../types.js';

/** So many calls of `afterCommit` go on at once; tenants are not held up by them. */
const CALLS = 8;

/** Calls the hooks around a run, in this process. */
export class RunHookCalls {
  readonly #hooks: RunHooks;
  readonly #told: () => RunHookContext;
  readonly #cancel: AbortSignal;
  readonly #limit = pLimit(CALLS);
  readonly #running = new Set<Promise<void>>();
  readonly #failures: HookFailure[] = [];
  #began = false;

  /**
   * @param runId the number of the run, which is known once its record has begun
   * @param cancel hooks are no longer waited for
   */
  constructor(
    { hooks = {} }: Pick<Project, 'hooks'>,
    { fake }: Pick<MigrateOptions, 'fake'>,
    { command, direction }: Pick<RunDirection, 'command' | 'direction'>,
    runId: () => number | null,
    cancel: AbortSignal,
  ) {
    this.#hooks = fake === true || command === 'adopt-history' ? {} : hooks;
    this.#told = () => ({ command: command === 'rollback' ? command : 'migrate', direction, run: runId() });
    this.#cancel = cancel;
  }

  /** Commits must be durable one by one: a hook is told of no commit that a crash could take back. */
  get followCommits(): boolean {
    return this.#hooks.afterCommit !== undefined;
  }

  /** @throws HookError */
  async before(plan: { shared: readonly string[]; tenants: number }): Promise<void> {
    const { beforeRun } = this.#hooks;
    if (beforeRun !== undefined) {
      const told = { ...this.#told(), shared: [...plan.shared], tenants: plan.tenants };
      await runHookAlone({ name: 'beforeRun', call: () => beforeRun(told) }, this.#cancel);
    }
    this.#began = true;
  }

  /** Calls the hook for what a result has committed, and does not wait for it. */
  noteResult(result: TenantResult): void {
    const { afterCommit } = this.#hooks;
    const migrations = [...committedBy(result)];
    if (afterCommit === undefined || migrations.length === 0) return;
    const { tenant } = result;
    const told = { ...this.#told(), tenant, migrations };
    const call = this.#limit(() => this.#call('afterCommit', () => afterCommit(told), tenant));
    this.#running.add(call);
    void call.finally(() => this.#running.delete(call));
  }

  /** Does the work of a run, waits for its hooks, and adds those that failed to the report. */
  async around(
    work: () => Promise<MigrateReport>,
    signalExitCode: (() => number | undefined) | undefined,
  ): Promise<MigrateReport> {
    let report: MigrateReport;
    try {
      report = await work().finally(() => Promise.all(this.#running));
    } catch (error) {
      const exitCode = signalExitCode?.() ?? (isTenantsError(error) ? error.exitCode : EXIT.failed);
      await this.#after({ exitCode, error });
      throw error;
    }
    const { applied, ...counts } = report.tenants;
    const tenants = { [doneStatus(this.#told().direction)]: applied, ...counts };
    const exitCode = (report.interrupted ? signalExitCode?.() : undefined) ?? exitCodeOf(this.#added(report));
    await this.#after({ exitCode, tenants, results: report.results });
    return this.#added(report);
  }

  async #after(ending: Omit<AfterRunContext, keyof RunHookContext>): Promise<void> {
    const { afterRun } = this.#hooks;
    if (afterRun === undefined || !this.#began) return;
    await this.#call('afterRun', () => afterRun({ ...this.#told(), ...ending }));
  }

  async #call(hook: string, call: () => unknown, tenant?: string): Promise<void> {
    try {
      await runHookAlone({ name: hook, call }, this.#cancel);
    } catch (error) {
      this.#failures.push({ hook, ...(tenant === undefined ? {} : { tenant }), error: serializeError(error) });
    }
  }

  #added(report: MigrateReport): MigrateReport {
    if (this.#failures.length === 0) return report;
    const warnings = this.#failures.map(({ tenant, error: { message } }) =>
      tenant === undefined ? message : `Tenant "${tenant}": ${message}`,
    );
    return { ...report, warnings: [...report.warnings, ...warnings], hookFailures: this.#failures };
  }
}
