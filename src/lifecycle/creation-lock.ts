import type { Client } from 'pg';

import { describeHolder, lockHolders, tenantLock, tryLock } from '../db/locks.js';
import { deadlineAfter, pollLock } from '../db/poll-lock.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import { tenantsCommand } from '../util/tenants-command.js';

/**
 * Acquires the lock for creating one tenant, until the session ends. Two calls for the same name run one after the other,
 * and a creation in progress is not mistaken for one that a killed process left behind.
 *
 * @throws TenantsError TENANT_BUSY with the holder when `lockTimeout` has passed; INTERRUPTED.
 */
export async function takeCreationLock(
  client: Client,
  { lockTimeoutMs }: Project,
  schema: string,
  cancel?: AbortSignal,
): Promise<void> {
  const key = creationLock(schema);
  const attempt = async (): Promise<true | undefined> => (await tryLock(client, key)) || undefined;
  if ((await pollLock(attempt, { until: deadlineAfter(lockTimeoutMs), signal: cancel })) === true) return;
  if (cancel?.aborted === true) {
    throw new TenantsError('INTERRUPTED', `The tenant "${schema}" was not created: it was canceled.`, {
      tenant: schema,
    });
  }
  const [holder] = await lockHolders(client, key);
  const who = holder === undefined ? 'another process' : describeHolder(holder);
  throw new TenantsError('TENANT_BUSY', `The tenant "${schema}" is being created by ${who}.`, {
    tenant: schema,
    suggestions: [`Wait until that has finished, then run: ${tenantsCommand('list')}`],
  });
}

/**
 * The key of that lock. The tenant's own lock is acquired by the lane, on another connection. No schema can have this name,
 * because it is longer than 63 bytes.
 */
export function creationLock(schema: string): string {
  return tenantLock(`the creation of the tenant with the schema name ${schema}`.padEnd(64));
}
