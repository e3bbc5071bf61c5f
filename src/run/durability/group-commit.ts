import type { Client } from 'pg';

import { CANCELED_CHECK_MS } from '../../db/restart.js';
import type { TenantResult } from '../../executors/types.js';
import { limitAfterAbort } from '../../util/after-abort.js';

/** Pause between two flushes while tenants are migrated, in ms: no more than these are in doubt when the server is lost for good. */
const PERIOD_MS = 500;

/**
 * A transaction that is waited for until it, and with it every commit before it, is as durable as the server is set to make
 * commits. One that writes nothing to the log would not be waited for.
 */
export const FLUSH = `SELECT pg_catalog.pg_logical_emit_message(true, 'tenants', '')`;

/**
 * The commits of many tenants, made durable together: lanes do not wait for the disk or for standbys, the run does, once in a
 * while and before it reports.
 *
 * What a lane has committed is seen by everybody at once and is lost only in a crash of the server, together with whatever was
 * committed after it. A crash ends every connection: a tenant is safe from it when the control connection that was there before
 * it was handed out has flushed after it was done. Everyone else is looked up. So is everyone, flushed or not, when a standby may
 * have taken the place of the server (see `secureCommits`).
 *
 * A flush takes as long as the server needs: a synchronous standby that is paused is waited for.
 */
export class GroupCommit {
  readonly #control: () => Client;
  /** The control connection of the moment when a tenant was handed out. */
  readonly #handedOut = new Map<string, Client>();
  /** Results that are not known to be durable. */
  readonly #open = new Map<string, TenantResult>();
  readonly #timer: NodeJS.Timeout;
  #flushing: Promise<void> | undefined;

  private constructor(control: () => Client) {
    this.#control = control;
    this.#timer = setInterval(() => void this.#flush(), PERIOD_MS);
    this.#timer.unref();
  }

  /** `undefined` where the user may not flush, or the connection is broken: lanes wait for each commit then. */
  static async begin(control: () => Client): Promise<GroupCommit | undefined> {
    try {
      await control().query(FLUSH);
      return new GroupCommit(control);
    } catch {
      return undefined;
    }
  }

  /** A lane is about to get the tenant. */
  noteStart(tenant: string): void {
    this.#handedOut.set(tenant, this.#control());
  }

  /** What the lane has answered. */
  noteResult(result: TenantResult): void {
    if (committedBy(result).length > 0) this.#open.set(result.tenant, result);
  }

  /** Flushes what is left, for good, unless the run is canceled; answers the results that this cannot vouch for. */
  async end(cancel?: AbortSignal): Promise<TenantResult[]> {
    clearInterval(this.#timer);
    const flushed = async (): Promise<void> => {
      await this.#flushing;
      if (this.#open.size > 0) await this.#flush();
    };
    await limitAfterAbort(flushed(), cancel, CANCELED_CHECK_MS, () => undefined);
    return [...this.#open.values()];
  }

  async #flush(): Promise<void> {
    this.#flushing ??= this.#flushOnce().finally(() => (this.#flushing = undefined));
    await this.#flushing;
  }

  async #flushOnce(): Promise<void> {
    const client = this.#control();
    const covered = [...this.#open.keys()].filter((tenant) => this.#handedOut.get(tenant) === client);
    if (covered.length === 0) return;
    if (await flush(client)) for (const tenant of covered) this.#open.delete(tenant);
  }
}

/** False where the connection broke, or somebody canceled the server's wait for a standby: the server commits then all the same. */
async function flush(client: Client): Promise<boolean> {
  let isCut = false;
  const onNotice = ({ routine }: { routine?: string | undefined }): void =>
    void (isCut ||= routine === 'SyncRepWaitForLSN');
  client.on('notice', onNotice);
  try {
    await client.query(FLUSH);
    return !isCut;
  } catch {
    return false;
  } finally {
    client.off('notice', onNotice);
  }
}

/** Migrations that a result says were committed. */
export function committedBy(result: TenantResult): readonly string[] {
  if (result.status === 'applied' || result.status === 'rolledBack') return result.migrations;
  return result.status === 'failed' ? result.committed : [];
}
