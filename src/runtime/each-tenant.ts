import { TenantsError } from '../errors/tenants-error.js';
import { plural } from '../util/format-count.js';
import type { Tenant } from './types.js';

/**
 * Does something for each tenant, some at once, and goes on where it fails for one.
 *
 * @throws TenantsError TENANTS_FAILED with all failures, at the end; the signal's reason when it was aborted.
 */
export async function forEachTenant<T extends Tenant, R>(
  tenants: readonly T[],
  { concurrency, signal }: { concurrency: number; signal: AbortSignal | undefined },
  work: (tenant: T) => Promise<R>,
): Promise<{ tenant: T; value: R }[]> {
  if (!(concurrency >= 1)) throw new TenantsError('USAGE', 'concurrency is a number from 1 on.');
  const done: { tenant: T; value: R }[] = [];
  const failed: { tenant: T; error: unknown }[] = [];
  const left = tenants.entries();
  const lane = async (): Promise<void> => {
    for (const [index, tenant] of left) {
      if (signal?.aborted === true) return;
      try {
        done[index] = { tenant, value: await work(tenant) };
      } catch (error) {
        failed.push({ tenant, error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, tenants.length) }, lane));
  if (failed.length > 0) throw failure(failed, tenants.length);
  signal?.throwIfAborted();
  return done;
}

function failure(failed: { tenant: Tenant; error: unknown }[], total: number): TenantsError {
  const problems = failed.map(
    ({ tenant, error }) => `${tenant.schemaName}: ${error instanceof Error ? error.message : String(error)}`,
  );
  return new TenantsError('TENANTS_FAILED', `The work failed for ${plural(failed.length, 'tenant')} of ${total}.`, {
    problems,
    cause: new AggregateError(failed.map(({ error }) => error)),
  });
}
