import type { EngineLane } from '../../engine/apply/lane.js';
import type { NotExecutedReason, TenantResult } from '../../executors/types.js';
import { failuresAllowed, type FailureBudget } from '../../util/failure-budget.js';
import type { CheckedLine } from './check-lines.js';
import type { LineResult } from './types.js';

export type HandOutOptions = {
  /** Lanes that work at a time. */
  concurrency: number;
  /** Whether the first tenant of each type goes alone. */
  canary: boolean;
  maxFailures: FailureBudget;
  drain: AbortSignal | undefined;
  openLane: () => Promise<EngineLane>;
  create: (lane: EngineLane, line: CheckedLine) => Promise<LineResult>;
  onStart: (line: CheckedLine) => void;
  onResult: (result: LineResult) => void;
  onStop: (reason: NotExecutedReason) => void;
};

/**
 * Hands lines out over several lanes. The first tenant of each type is made alone: what its migrations cannot do for one tenant they
 * cannot do for the others.
 */
export async function handOut(lines: readonly CheckedLine[], options: HandOutOptions): Promise<void> {
  const work = new HandOut(options, lines.length);
  const canaries = options.canary ? firstOfEachType(lines) : [];
  await work.run(canaries, 1);
  const rest = lines.filter((line) => !canaries.includes(line));
  await work.run(rest, options.concurrency);
}

class HandOut {
  readonly #options: HandOutOptions;
  readonly #allowed: number | undefined;
  /** Types whose first tenant failed for a reason that the others share. */
  readonly #refused = new Set<string | null>();
  #failures = 0;
  #stopped: NotExecutedReason | undefined;

  constructor(options: HandOutOptions, total: number) {
    this.#options = options;
    this.#allowed = failuresAllowed(options.maxFailures, total);
  }

  async run(lines: readonly CheckedLine[], lanes: number): Promise<void> {
    const queue = lines.values();
    const working = Array.from({ length: Math.min(lanes, lines.length) }, () => this.#work(queue, lanes === 1));
    const ended = await Promise.allSettled(working);
    const failed = ended.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #work(queue: Iterator<CheckedLine>, alone: boolean): Promise<void> {
    const { openLane, create, drain, onStart, onResult } = this.#options;
    let lane: EngineLane | undefined;
    try {
      for (let next = queue.next(); next.done !== true; next = queue.next()) {
        const line = next.value;
        if (drain?.aborted === true) this.#stop('interrupted');
        const reason = this.#stopped ?? (this.#refused.has(line.registration.type) ? 'canaryFailed' : undefined);
        if (reason !== undefined) {
          onResult({ ...factsOf(line), status: 'notExecuted', reason });
          continue;
        }
        onStart(line);
        lane ??= await openLane();
        const result = await create(lane, line);
        this.#count(result, alone);
        onResult(result);
      }
    } finally {
      await lane?.close();
    }
  }

  #count(result: LineResult, alone: boolean): void {
    if (result.status !== 'failed') return;
    this.#failures += 1;
    const { code } = result.error;
    if (code === 'DATABASE_UNREACHABLE' || code === 'DATABASE_REFUSED') this.#stop('unreachable');
    else if (this.#allowed !== undefined && this.#failures >= this.#allowed) this.#stop('maxFailures');
    else if (alone && SHARED.has(code)) this.#refused.add(result.type);
  }

  #stop(reason: NotExecutedReason): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = reason;
    this.#options.onStop(reason);
  }
}

/** Failures that are not about what the line says. */
const SHARED: ReadonlySet<string> = new Set(['MIGRATION_FAILED', 'HOOK_FAILED', 'DATABASE_ERROR']);

/** What every result says of its line. */
export function factsOf({ line, registration }: CheckedLine): Pick<LineResult, 'line' | 'tenant' | 'type' | 'domains'> {
  const { schema, type, domains } = registration;
  return { line, tenant: schema, type, domains: [...domains] };
}

/** The result as progress shows it. */
export function asTenantResult(result: LineResult): TenantResult {
  const { tenant } = result;
  switch (result.status) {
    case 'created':
      return { tenant, status: 'applied', migrations: result.migrations, durationMs: result.durationMs };
    case 'failed':
      return {
        tenant,
        status: 'failed',
        committed: [],
        error: result.error,
        ...(result.error.migration === undefined ? {} : { migration: result.error.migration }),
      };
    case 'notExecuted':
      return { tenant, status: 'notExecuted', reason: result.reason };
    default:
      return { tenant, status: 'upToDate' };
  }
}

function firstOfEachType(lines: readonly CheckedLine[]): CheckedLine[] {
  const first = new Map<string | null, CheckedLine>();
  for (const line of lines) {
    if (!first.has(line.registration.type)) first.set(line.registration.type, line);
  }
  return [...first.values()];
}
