import type { Client } from 'pg';

import { quoteIdentifier, searchPath } from '../db/identifiers.js';
import type { HookCall } from '../engine/hooks/migrate-hooks.js';
import { HookError, runHook, runHookAlone } from '../engine/hooks/run-hook.js';
import type { Project } from '../project/project.js';

export type ChangeHook = {
  calls: readonly HookCall[];
  tenant: string;
  /** The schemas in which the hook's statements find what they name. */
  path: readonly string[];
  /** The hook must not change anything outside the tenant's schema. */
  watched: boolean;
  cancel: AbortSignal | undefined;
};

/**
 * Calls a hook in the transaction of a change and restores the settings afterwards.
 *
 * @returns warnings
 * @throws HookError, and anything else that `runHook` throws.
 */
export async function callInChange(client: Client, project: Project, hook: ChangeHook): Promise<string[]> {
  const warnings: string[] = [];
  const { tenant, watched, cancel } = hook;
  const fallThrough = watched ? project.fallThrough : 'off';
  for (const call of hook.calls) {
    const { rows } = await client.query<{ path: string }>(`SELECT pg_catalog.current_setting('search_path') AS path`);
    await enter(client, project, hook.path);
    warnings.push(...(await runHook(client, call, { tenant, fallThrough, cancel })));
    try {
      await client.query('SET CONSTRAINTS ALL IMMEDIATE');
    } catch (error) {
      throw HookError.of(call.name, error);
    }
    await client.query('RESET ROLE');
    await applySettings(client, project, rows[0]?.path ?? '');
    await client.query('SET LOCAL row_security TO off');
  }
  return warnings;
}

/** Calls a hook after the change has been committed. */
export async function callAfterChange(calls: readonly HookCall[], cancel: AbortSignal | undefined): Promise<void> {
  for (const call of calls) await runHookAlone(call, cancel);
}

async function enter(client: Client, project: Project, path: readonly string[]): Promise<void> {
  await applySettings(client, project, path.length === 0 ? '' : searchPath(path));
  // What a dump has set before its rows; and policies apply to the hook's statements as they do elsewhere.
  for (const name of ['row_security', 'check_function_bodies', 'default_table_access_method', 'client_min_messages']) {
    await client.query(`SET LOCAL ${name} TO DEFAULT`);
  }
  if (project.role !== undefined) await client.query(`SET LOCAL ROLE ${quoteIdentifier(project.role)}`);
}

async function applySettings(client: Client, project: Project, path: string): Promise<void> {
  await client.query(
    `SELECT pg_catalog.set_config('search_path', $1, true), pg_catalog.set_config('lock_timeout', $2, true),
            pg_catalog.set_config('statement_timeout', $3, true)`,
    [path, `${project.lockTimeoutMs}ms`, `${project.statementTimeoutMs}ms`],
  );
}
