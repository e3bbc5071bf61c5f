import { setTimeout as sleep } from 'node:timers/promises';

import type { TenantResult, TenantAssignment } from '../../engine/types.js';
import { type SerializedError, serializeError } from '../../errors/serialize.js';
import type { StartWorker, WorkerChannel, WorkerExit } from '../channel.js';
import { type FromWorker, HEARTBEAT_MS, PROTOCOL_VERSION, type ToWorker, type WorkerSetup } from '../protocol.js';

/** How long a worker may take to close its connections once it was told to end, in ms. */
const END_MS = 5000;
/** How long a worker may be silent once the run was canceled, in ms. */
const CANCELLED_SILENCE_MS = 5000;

/** A tenant in a worker's hands. `since` is the time of `performance.now()` at which it got there. */
export type Held = { work: TenantAssignment; since: number };

export type WorkerOptions = {
  start: StartWorker;
  setup: WorkerSetup;
  /** A worker from which nothing is heard for so long, in ms, is killed. */
  silenceMs: number;
  planOf(id: string): Extract<ToWorker, { type: 'plan' }>['plan'] | undefined;
  password(): Promise<string>;
  onStart(tenant: string): void;
  onResult(result: TenantResult): void;
  onOutput(line: string): void;
};

/** A worker as the parent sees it: what it holds, and whether it is alive. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #channel: WorkerChannel;
  readonly #held = new Map<string, Held>();
  readonly #plans = new Set<string>();
  readonly #unclear: (Held & { error: SerializedError })[] = [];
  readonly #pulse: NodeJS.Timeout;
  /** Messages for a worker that does not listen yet. */
  #unsent: ToWorker[] | undefined = [];
  #waiting: (() => void)[] = [];
  #silentMs = 0;
  #canceled = false;
  #served = 0;
  #complaint: SerializedError | undefined;
  #unfit = false;
  #killedFor: string | undefined;
  #exit: WorkerExit | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#channel = options.start({
      onMessage: (message) => this.#receive(message),
      onOutput: (line) => options.onOutput(line),
    });
    this.#post({ type: 'setup', setup: options.setup });
    // Counted, not measured: a machine that was asleep must not take its workers for silent ones.
    this.#pulse = setInterval(() => this.#listenForLife(), HEARTBEAT_MS).unref();
    void this.#channel.exited.then((exit) => {
      clearInterval(this.#pulse);
      this.#exit = exit;
      this.#wake();
    });
  }

  /** How it ended; `undefined` while it is alive. `error` is what it said itself, `unfit` that any other would say the same. */
  get death(): { how: string; error?: SerializedError; unfit?: boolean } | undefined {
    if (this.#exit === undefined) return undefined;
    const how = this.#killedFor ?? this.#exit.how;
    if (this.#complaint !== undefined) return { how, error: this.#complaint, unfit: this.#unfit };
    return this.#exit.error === undefined ? { how } : { how, error: serializeError(this.#exit.error) };
  }

  /** It has begun to listen. Before that it was told nothing, so that nothing can have been touched. */
  get hasBegun(): boolean {
    return this.#unsent === undefined;
  }

  /** Tenants that it was handed and has neither finished nor given back. */
  get held(): readonly Held[] {
    return [...this.#held.values()];
  }

  /** Tenants that it was handed so far. */
  get served(): number {
    return this.#served;
  }

  /** Tenants whose outcome it does not know itself; each is returned once. */
  takeUnclear(): (Held & { error: SerializedError })[] {
    return this.#unclear.splice(0);
  }

  hand(chunk: readonly TenantAssignment[]): void {
    for (const work of chunk) {
      this.#held.set(work.tenant, { work, since: performance.now() });
      const plan = this.#plans.has(work.planId) ? undefined : this.#options.planOf(work.planId);
      this.#plans.add(work.planId);
      if (plan !== undefined) this.#post({ type: 'plan', plan });
    }
    this.#served += chunk.length;
    this.#post({ type: 'chunk', work: [...chunk] });
  }

  drain(): void {
    this.#post({ type: 'drain' });
  }

  cancel(): void {
    this.#canceled = true;
    this.#post({ type: 'cancel' });
  }

  /** Resolves when it holds at most so many tenants, or is dead. */
  async untilHolds(count: number): Promise<void> {
    while (this.#exit === undefined && this.#held.size > count) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Lets it close its connections; one that does not is killed. */
  async end(): Promise<void> {
    this.#post({ type: 'end' });
    const given = new AbortController();
    const late = sleep(END_MS, undefined, { signal: given.signal }).then(
      () => this.#channel.kill(),
      () => {},
    );
    await Promise.race([this.#channel.exited, late]);
    given.abort();
    await this.#channel.exited;
  }

  async kill(): Promise<void> {
    this.#channel.kill();
    await this.#channel.exited;
  }

  #receive(message: FromWorker): void {
    this.#silentMs = 0;
    switch (message.type) {
      case 'alive':
        return;
      case 'hello':
        this.#greet(message.version);
        break;
      case 'start':
        this.#options.onStart(message.tenant);
        break;
      case 'result':
        this.#settle(message.result);
        break;
      case 'givenBack':
        for (const tenant of message.tenants) this.#held.delete(tenant);
        break;
      case 'askPassword':
        void this.#answerPassword(message.id);
        break;
      case 'failed':
      case 'unfit':
        this.#complaint = message.error;
        this.#unfit = message.type === 'unfit';
        break;
      case 'threw': {
        const held = this.#held.get(message.tenant);
        this.#held.delete(message.tenant);
        if (held !== undefined) this.#unclear.push({ ...held, error: message.error });
        break;
      }
      default:
        message satisfies never;
    }
    this.#wake();
  }

  #greet(version: number): void {
    if (version !== PROTOCOL_VERSION) {
      this.#killFor('was of another version: the installation was replaced during the run');
      return;
    }
    const unsent = this.#unsent ?? [];
    this.#unsent = undefined;
    for (const message of unsent) this.#post(message);
  }

  #settle(result: TenantResult): void {
    if (this.#held.delete(result.tenant)) this.#options.onResult(result);
  }

  async #answerPassword(id: number): Promise<void> {
    try {
      this.#post({ type: 'password', id, password: await this.#options.password() });
    } catch (error) {
      this.#post({ type: 'noPassword', id, message: error instanceof Error ? error.message : String(error) });
    }
  }

  #listenForLife(): void {
    const { silenceMs } = this.#options;
    this.#silentMs += HEARTBEAT_MS;
    const limit = this.#canceled ? Math.min(silenceMs, CANCELLED_SILENCE_MS) : silenceMs;
    if (this.#silentMs > limit) this.#killFor(`hung: it was silent for ${limit / 1000} s and was killed`);
  }

  #killFor(reason: string): void {
    this.#killedFor ??= reason;
    this.#channel.kill();
  }

  #post(message: ToWorker): void {
    if (this.#unsent === undefined) this.#channel.send(message);
    else this.#unsent.push(message);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
