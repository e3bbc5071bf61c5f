import { Client, type ClientConfig } from 'pg';

import { announcedPid, destroySocket, unref } from '../db/pg-internals.js';
import { REGISTRY_CHANNEL } from '../registry/names.js';
import type { RegistryChange } from './resolver.js';

export type ListenerEvents = {
  changed(change: RegistryChange): void;
  /** LISTEN has begun, for the first time or again: whatever happened before this moment was not heard. */
  listening(): void;
  warn(message: string, error?: unknown): void;
};

/** Shortest and longest wait before another attempt to connect, and how often a connection is tried out, in ms. */
const TIMES = { firstRetry: 100, longestRetry: 10_000, heartbeat: 15_000, answer: 5_000 };

/**
 * A connection that hears changes of the registry, and is made again when it breaks.
 *
 * It keeps no process alive. A broken network says nothing, so the server is asked for a sign of life now and then.
 */
export class Listener {
  readonly #config: ClientConfig;
  readonly #events: ListenerEvents;
  readonly #times: typeof TIMES;
  #client: Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #attempts = 0;
  #listening = false;
  #closed = false;

  /** @param times other times than the usual ones, for tests */
  constructor(config: ClientConfig, events: ListenerEvents, times: Partial<typeof TIMES> = {}) {
    this.#config = config;
    this.#events = events;
    this.#times = { ...TIMES, ...times };
  }

  get listening(): boolean {
    return this.#listening;
  }

  /** Begins to listen; a second call does nothing. */
  start(): void {
    if (this.#closed || this.#client !== undefined || this.#timer !== undefined) return;
    const client = new Client({
      ...this.#config,
      application_name: 'tenants: listen',
      keepAlive: true,
      connectionTimeoutMillis: this.#times.answer,
      query_timeout: this.#times.answer,
    });
    this.#client = client;
    client.on('notification', ({ channel, payload = '' }) => {
      if (channel === REGISTRY_CHANNEL && client === this.#client) this.#hear(payload);
    });
    client.on('error', (error) => this.#lost(client, error));
    client.on('end', () => this.#lost(client));
    this.#listen(client).catch((error: unknown) => this.#lost(client, error));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listening = false;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) await end(client);
  }

  async #listen(client: Client): Promise<void> {
    await client.connect();
    unref(client);
    await client.query(`LISTEN ${REGISTRY_CHANNEL}`);
    const { rows } = await client.query<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid');
    if (this.#client !== client) return;
    // A pooler announces a process number of its own, and may give the LISTEN to a backend that others use next.
    if (rows[0]?.pid !== announcedPid(client)) return this.#giveUp(client);
    this.#attempts = 0;
    this.#listening = true;
    this.#events.listening();
    this.#beat(client);
  }

  #giveUp(client: Client): void {
    this.#closed = true;
    this.#client = undefined;
    this.#events.warn(
      'A pooler sits between the application and the database, so registry changes cannot be received: cached entries end only with their time to live. Give `listen` a direct connection, or set it to false.',
    );
    void end(client);
  }

  #hear(payload: string): void {
    const change = parseChange(payload);
    if (change !== undefined) return this.#events.changed(change);
    this.#events.warn(`A message on the channel ${REGISTRY_CHANNEL} is not understood; the whole cache is emptied.`);
    this.#events.listening();
  }

  #beat(client: Client): void {
    this.#later(this.#times.heartbeat, () => {
      client.query('SELECT 1').then(
        () => this.#client === client && this.#beat(client),
        (error: unknown) => this.#lost(client, error),
      );
    });
  }

  #lost(client: Client, error?: unknown): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#listening = false;
    clearTimeout(this.#timer);
    void end(client);
    this.#events.warn('The connection that listens for registry changes broke and is being reopened.', error);
    const longest = Math.min(this.#times.longestRetry, this.#times.firstRetry * 2 ** this.#attempts);
    this.#attempts += 1;
    // Many processes lose their connections at the same moment; they should not come back at the same one.
    this.#later(longest * (0.5 + Math.random() / 2), () => {
      this.#timer = undefined;
      this.start();
    });
  }

  #later(ms: number, action: () => void): void {
    this.#timer = setTimeout(action, ms);
    this.#timer.unref();
  }
}

/**
 * A broken connection does not answer a farewell: it is cut off after a second. The timer holds the process until then, or
 * whoever awaits this could end with it unsettled.
 */
async function end(client: Client): Promise<void> {
  const timer = setTimeout(() => destroySocket(client), 1000);
  await client.end().catch(() => undefined);
  clearTimeout(timer);
}

function parseChange(payload: string): RegistryChange | undefined {
  try {
    const value = JSON.parse(payload) as unknown;
    if (typeof value !== 'object' || value === null) return undefined;
    const { schemas = [], domains = [] } = value as Record<string, unknown>;
    return isTexts(schemas) && isTexts(domains) ? { schemas, domains } : undefined;
  } catch {
    return undefined;
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
