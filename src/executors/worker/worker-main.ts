import type { DatabaseConfig } from '../../db/database-config.js';
import { EngineLane } from '../../engine/apply/lane.js';
import { listMigrationFiles } from '../../engine/files.js';
import type { MigrateHooks } from '../../engine/hooks/migrate-hooks.js';
import type { MigrationFile, Plan, TenantAssignment } from '../../engine/types.js';
import { serializeError } from '../../errors/serialize.js';
import { sharedAbortController } from '../../util/after-abort.js';
import { setInvocation } from '../../util/tenants-command.js';
import type { ParentChannel } from '../channel.js';
import { unpackDatabase } from '../pack-database.js';
import { HEARTBEAT_MS, PROTOCOL_VERSION, type ToWorker, type WorkerSetup } from '../protocol.js';
import { loadWorkerHooks } from '../worker-hooks.js';

/** What a worker does, from its first message to its last. The parent alone tells it what; it ends with its channel. */
export function workerMain(channel: ParentChannel): void {
  const server = new WorkerServer(channel);
  const giveUp = (error: unknown): void => {
    channel.post({ type: 'failed', error: serializeError(error) });
    channel.exit(1);
  };
  // A promise that a migration forgot; which tenant it belongs to cannot be told.
  process.on('uncaughtException', giveUp);
  channel.listen((message) => {
    try {
      server.receive(message);
    } catch (error) {
      giveUp(error);
    }
  });
  setInterval(() => channel.post({ type: 'alive' }), HEARTBEAT_MS);
  channel.post({ type: 'hello', version: PROTOCOL_VERSION });
}

type Question = { resolve: (password: string) => void; reject: (error: Error) => void };

class WorkerServer {
  readonly #channel: ParentChannel;
  readonly #plans = new Map<string, Plan>();
  readonly #files = new Map<string, Promise<MigrationFile[]>>();
  readonly #listed = new Map<string, MigrationFile[]>();
  readonly #cancel = sharedAbortController();
  readonly #questions = new Map<number, Question>();
  readonly #idle: EngineLane[] = [];
  #setup: WorkerSetup | undefined;
  #database: DatabaseConfig | undefined;
  #hooks: MigrateHooks | undefined;
  #waiting: TenantAssignment[] = [];
  #busy = 0;
  #asked = 0;
  #draining = false;
  #ending = false;

  constructor(channel: ParentChannel) {
    this.#channel = channel;
  }

  receive(message: ToWorker): void {
    switch (message.type) {
      case 'setup':
        void this.#setUp(message.setup);
        return;
      case 'plan':
        this.#plans.set(message.plan.id, message.plan);
        return;
      case 'chunk':
        this.#take(message.work);
        return;
      case 'password':
        this.#answered(message.id)?.resolve(message.password);
        return;
      case 'noPassword':
        this.#answered(message.id)?.reject(new Error(message.message));
        return;
      case 'drain':
        this.#drain();
        return;
      case 'cancel':
        this.#drain();
        this.#cancel.abort();
        return;
      case 'end':
        this.#ending = true;
        this.#endWhenIdle();
        return;
      default:
        message satisfies never;
    }
  }

  /** Tenants that come meanwhile wait. */
  async #setUp(setup: WorkerSetup): Promise<void> {
    setInvocation(setup.invocation);
    try {
      if (setup.hooks !== undefined) this.#hooks = await loadWorkerHooks(setup.hooks);
    } catch (error) {
      this.#channel.post({ type: 'unfit', error: serializeError(error) });
      this.#channel.exit(1);
      return;
    }
    this.#setup = setup;
    this.#fillLanes();
  }

  #take(work: readonly TenantAssignment[]): void {
    this.#waiting.push(...work);
    if (this.#draining) this.#drain();
    this.#fillLanes();
  }

  #fillLanes(): void {
    while (this.#setup !== undefined && this.#busy < this.#setup.concurrency) {
      const work = this.#waiting.shift();
      if (work === undefined) return;
      this.#busy += 1;
      void this.#migrate(work, this.#idle.pop() ?? this.#openLane(this.#setup)).then(() => {
        this.#busy -= 1;
        this.#fillLanes();
        this.#endWhenIdle();
      });
    }
  }

  async #migrate(work: TenantAssignment, lane: EngineLane): Promise<void> {
    const { tenant } = work;
    this.#channel.post({ type: 'start', tenant });
    try {
      await this.#listFiles(work.planId);
    } catch (error) {
      const result = { tenant, status: 'failed', committed: [], error: serializeError(error) } as const;
      this.#channel.post({ type: 'result', result: { ...result, committed: [] } });
      this.#idle.push(lane);
      return;
    }
    try {
      this.#channel.post({ type: 'result', result: await lane.apply(work) });
      this.#idle.push(lane);
    } catch (error) {
      // The lane is in an unknown state: its connection has to end before the tenant can be looked up.
      await lane.close().catch(() => {});
      this.#channel.post({ type: 'threw', tenant, error: serializeError(error) });
    }
  }

  /** A directory is listed once: its files are evaluated once for each listing. */
  async #listFiles(planId: string): Promise<void> {
    const plan = this.#plans.get(planId);
    if (plan?.mode !== 'direct') return;
    const key = JSON.stringify(plan.source);
    const listing = this.#files.get(key) ?? listMigrationFiles(plan.source);
    this.#files.set(key, listing);
    this.#listed.set(key, await listing);
  }

  #openLane(setup: WorkerSetup): EngineLane {
    // The same object for all lanes: their connections are watched together.
    this.#database ??= unpackDatabase(setup.database, () => this.#askPassword());
    return new EngineLane({
      database: this.#database,
      plans: this.#plans,
      settings: setup.settings,
      filesOf: (plan) => this.#listed.get(JSON.stringify(plan.source)) ?? [],
      hooks: this.#hooks,
      cancel: this.#cancel.signal,
      recycleAfter: setup.recycleAfter,
    });
  }

  #askPassword(): Promise<string> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve, reject) => {
      this.#questions.set(id, { resolve, reject });
      this.#channel.post({ type: 'askPassword', id });
    });
  }

  #answered(id: number): Question | undefined {
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    return question;
  }

  #drain(): void {
    this.#draining = true;
    const tenants = this.#waiting.map(({ tenant }) => tenant);
    this.#waiting = [];
    if (tenants.length > 0) this.#channel.post({ type: 'givenBack', tenants });
  }

  #endWhenIdle(): void {
    if (!this.#ending || this.#busy > 0) return;
    void Promise.all(this.#idle.splice(0).map((lane) => lane.close().catch(() => {}))).then(() =>
      this.#channel.exit(0),
    );
  }
}
