import type { Client } from 'pg';

import { assertOwn } from '../../db/own-session.js';
import { queueQueries } from '../../db/queue-queries.js';
import { assertWritable } from '../../db/server.js';
import { readShared } from '../../fleet/read-shared.js';
import { assertSharedCurrent, compareShared } from '../../fleet/shared-schema.js';
import type { Project } from '../../project/project.js';
import { assertRegistry } from '../../registry/check.js';
import { withSession } from '../../session/control-session.js';
import { fillPool } from './fill.js';
import { lookAtPool, type PoolLook } from './look.js';
import type { PoolOfType, PoolOptions, PoolReport } from './types.js';

/**
 * Looks at the schemas that were made ahead for new tenants, and with `fill` makes and updates them: each type gets `size`, those that
 * lack migrations get them, and those that cannot be brought up to date are replaced.
 *
 * @throws TenantsError SHARED_PENDING and MIGRATION_REFUSED as `createTenant`, or an error of the connection. A schema that cannot be
 *   made is a failure in the report.
 */
export async function pool(project: Project, options: PoolOptions = {}): Promise<PoolReport> {
  const startedAt = performance.now();
  const { fill = false, size = project.pool?.size ?? 0, onEvent } = options;
  onEvent?.({ type: 'phase', phase: 'connect' });
  return await withSession(project, 'pool', async ({ client, server, session }) => {
    await assertRegistry(client, project.registry);
    const report = (parts: Pick<PoolReport, 'pools'> & Partial<PoolReport>): PoolReport => ({
      durationMs: Math.round(performance.now() - startedAt),
      failures: [],
      busy: false,
      warnings: [],
      ...parts,
    });
    if (!fill) return report({ pools: (await lookAtPool(client, project)).map((look) => countsOf(look, size)) });
    assertWritable(server);
    assertOwn(session);
    queueQueries(client);
    assertSharedCurrent(compareShared(await readShared(client, project), project.checkOrder), 'pool');
    const filled = await fillPool(client, project, { ...options, size });
    const pools = await poolsAfter(client, project, size, filled.done);
    return report({ ...filled, pools });
  });
}

async function poolsAfter(
  client: Client,
  project: Project,
  size: number,
  done: ReadonlyMap<string | null, Pick<PoolOfType, 'created' | 'updated' | 'dropped'>>,
): Promise<PoolOfType[]> {
  return (await lookAtPool(client, project)).map((look) => ({ ...countsOf(look, size), ...done.get(look.type) }));
}

function countsOf({ type, ready, behind, outdated, unfinished }: PoolLook, size: number): PoolOfType {
  return {
    type,
    size,
    ready: ready.length,
    stale: behind.length + outdated.length,
    unfinished: unfinished.length,
    created: 0,
    updated: 0,
    dropped: 0,
  };
}

/** The failures of a report in words. */
export function poolWarning({ failures, busy }: Pick<PoolReport, 'failures' | 'busy'>): string[] {
  if (busy) return ['The pool is being filled by another process.'];
  return failures.map(({ message }) => message);
}
