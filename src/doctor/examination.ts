import type { Client } from 'pg';

import { sessionKind } from '../db/own-session.js';
import { OLDEST_VERSION, type ServerInfo } from '../db/server.js';
import { isConnectionError } from '../db/sqlstates.js';
import { EXIT } from '../errors/codes.js';
import { isServerError } from '../errors/serialize.js';
import { isTenantsError } from '../errors/tenants-error.js';
import { readFleet, type SurveyedFleet } from '../fleet/read-fleet.js';
import { readShared } from '../fleet/read-shared.js';
import { chooseTenants } from '../fleet/selection.js';
import type { Project } from '../project/project.js';
import { inspectRegistry } from '../registry/check.js';
import type { FleetSession } from '../session/control-session.js';
import { ACTIVITY_CHECKS } from './checks/activity.js';
import { CAPACITY_CHECKS } from './checks/capacity.js';
import { CATALOG_CHECKS } from './checks/catalog.js';
import { CITUS_CHECKS } from './checks/citus.js';
import { CROSS_TENANT_CHECKS } from './checks/cross-tenant.js';
import { MIGRATION_CHECKS, SHARED_MIGRATION_CHECKS } from './checks/migrations.js';
import { OBJECT_CHECKS } from './checks/objects.js';
import { POOL_CHECKS } from './checks/pool.js';
import { PRIVILEGE_CHECKS } from './checks/privileges.js';
import { REGISTRY_CHECKS } from './checks/registry.js';
import { ROW_TABLE_CHECKS } from './checks/row-tables.js';
import { SERVER_CHECKS, versionCheck } from './checks/server.js';
import { TENANT_CHECKS } from './checks/tenants.js';
import { TRUST_CHECKS } from './checks/trust.js';
import { UNFINISHED_CHECKS } from './checks/unfinished.js';
import { skipped, wrong } from './results.js';
import type { Check, CheckGroup, Examination } from './types.js';

/** All checks, in the order in which they are shown: what others depend on comes first. */
const GROUPS: readonly CheckGroup[] = [
  SERVER_CHECKS,
  PRIVILEGE_CHECKS,
  REGISTRY_CHECKS,
  SHARED_MIGRATION_CHECKS,
  MIGRATION_CHECKS,
  TENANT_CHECKS,
  POOL_CHECKS,
  TRUST_CHECKS,
  UNFINISHED_CHECKS,
  OBJECT_CHECKS,
  CROSS_TENANT_CHECKS,
  ROW_TABLE_CHECKS,
  CAPACITY_CHECKS,
  ACTIVITY_CHECKS,
  CATALOG_CHECKS,
  CITUS_CHECKS,
];

/** How long other sessions may keep a transaction open, or hold a lock while idle, in ms. */
const PATIENCE_MS = 5 * 60_000;

/** Reads what several checks need. */
export async function prepareExamination(
  project: Project,
  session: Pick<FleetSession, 'client' | 'server'>,
  ownSession: boolean,
  patienceMs = PATIENCE_MS,
): Promise<Examination> {
  const { client, server } = session;
  const { rows } = await client.query<{ name: string }>(
    `SELECT nspname::text AS name FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1`,
  );
  const shared = await readShared(client, project);
  const fleet = await readRegisteredFleet(project, client);
  return {
    project,
    get client() {
      return session.client;
    },
    server,
    ownSession,
    patienceMs,
    shared,
    fleet,
    schemas: rows.map(({ name }) => name),
  };
}

/** Runs all checks; one that fails with an error of the server is wrong, with the reason. */
export async function examine(exam: Examination): Promise<Check[]> {
  const checks: Check[] = [];
  for (const group of GROUPS) checks.push(...(await runGroup(exam, group)));
  return checks;
}

/** The checks for a server that is too old: only its version is checked. */
export function examineOld(server: ServerInfo): Check[] {
  const names = GROUPS.flatMap((group) => group.names).filter((name) => name !== 'server-version');
  return [versionCheck(server), ...names.map((name) => skipped(name, 'the server is too old'))];
}

/** Whether this server is supported and, if it is, whether the session is our own. */
export async function lookAtConnection(
  client: Client,
  server: ServerInfo,
  project: Project,
): Promise<{ supported: boolean; ownSession: boolean }> {
  if (server.version < OLDEST_VERSION) return { supported: false, ownSession: false };
  return { supported: true, ownSession: (await sessionKind(client, server, project.database)) === 'own' };
}

async function runGroup(exam: Examination, group: CheckGroup): Promise<Check[]> {
  if (group.needs === 'fleet' && exam.fleet === undefined) {
    return group.names.map((name) => skipped(name, 'the registry cannot be read'));
  }
  try {
    return await group.run(exam);
  } catch (error) {
    if (isFatal(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    return group.names.map((name) => wrong(name, `could not be checked: ${reason}`));
  }
}

/** The connection is lost, the configuration is wrong, or it is a bug: no other check would succeed either. */
function isFatal(error: unknown): boolean {
  if (isConnectionError(error)) return true;
  if (isTenantsError(error)) return error.exitCode === EXIT.usage || error.exitCode === EXIT.unreachable;
  return !isServerError(error);
}

/** The state of all tenants compared with the order of the files; `undefined` if the registry cannot be read. */
async function readRegisteredFleet(project: Project, client: Client): Promise<SurveyedFleet | undefined> {
  if (!(await canRead(project, client))) return undefined;
  return await readFleet(client, project, { choose: chooseTenants(project, {}), checkOrder: true });
}

async function canRead({ registry }: Project, client: Client): Promise<boolean> {
  try {
    if ((await inspectRegistry(client, registry)) === 'missing') return false;
  } catch (error) {
    if (isTenantsError(error) && error.code === 'REGISTRY_MISMATCH') return false;
    throw error;
  }
  const { rows } = await client.query<{ readable: boolean }>(
    `SELECT bool_and(has_schema_privilege(c.relnamespace, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
              AND NOT row_security_active(c.oid)) AS readable
       FROM pg_class c
      WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND c.relname IN ($2, $3)`,
    [registry.schema, registry.tenants.table, registry.domains?.table ?? null],
  );
  return rows[0]?.readable === true;
}
