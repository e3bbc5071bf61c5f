import type { Client } from 'pg';

import { quoteIdentifier, quoteLiteral } from '../../db/identifiers.js';
import type { CompiledMigration, MigrationFile, Plan } from '../../engine/types.js';
import { withoutStatements } from '../../engine/without-statements.js';
import type { Planner } from '../../fleet/planner.js';
import type { Project } from '../../project/project.js';
import { filesDigest } from '../files-digest.js';
import type { NewTenantFiles } from '../new-tenant/files.js';
import { readSnapshots } from './store.js';
import type { StoredSnapshot } from './types.js';

/** A plan that begins with a snapshot, or why there is none; `reason` is absent where nobody has taken one. */
export type FromSnapshot =
  | { plan: Plan; files: readonly MigrationFile[]; covered: number }
  | { plan?: undefined; reason?: string };

/** Snapshots that were read, by the types they are about; read once for many tenants. */
export type KnownSnapshots = { snapshots: StoredSnapshot[]; server: number; owner: string };

/** @param version `server_version_num` */
export async function knowSnapshots(client: Client, project: Project, version: number): Promise<KnownSnapshots> {
  const snapshots = await readSnapshots(client, project, project.snapshot?.file);
  const owner = snapshots.length === 0 ? '' : await actingRole(client, project);
  return { snapshots, server: Math.floor(version / 10_000), owner };
}

/** Whoever owns what is created. */
export async function actingRole(client: Client, { role }: Project): Promise<string> {
  if (role !== undefined) return role;
  const { rows } = await client.query<{ name: string }>('SELECT current_user::text AS name');
  return rows[0]?.name ?? '';
}

/**
 * The plan of a new tenant that starts from the stored end state of the first migrations and applies those that came later. The
 * snapshot takes the place of their statements.
 */
export async function planFromSnapshot(
  planner: Planner,
  project: Project,
  { snapshots, server, owner }: KnownSnapshots,
  type: string | null,
  { all, files }: NewTenantFiles,
): Promise<FromSnapshot> {
  const stored = snapshots.find((one) => one.type === type);
  if (stored === undefined) return {};
  const covered = all.slice(0, stored.migrations.length);
  if (covered.length === 0) return {};
  if (stored.migrations.some((name, index) => covered[index]?.name !== name)) {
    return { reason: 'it has other migrations than the files' };
  }
  const tooNew = covered[files.length];
  if (tooNew !== undefined) return { reason: `it has ${tooNew.name}, which no tenant has yet` };
  if (stored.files !== (await filesDigest(project, covered))) return { reason: 'files or settings have changed since' };
  if (stored.server !== server) return { reason: `it was taken on PostgreSQL ${stored.server}` };
  if (stored.owner !== owner) return { reason: `it was taken as the role "${stored.owner}"` };
  const later = files.slice(covered.length).map(({ name }) => name);
  const state = { kind: 'pending', pending: later } as const;
  const cohort = { type, state, applied: stored.migrations, tableExists: true, members: [] };
  const rest = await planner.planCohort({ cohort, files: all, names: later });
  const start = covered.map((file, index) =>
    index < covered.length - 1 ? recorded(file) : replacing(file, stored, project),
  );
  return {
    plan: { ...rest, applied: [], tableExists: false, segments: withStart(start, rest, project) },
    files: all,
    covered: covered.length,
  };
}

/** The snapshot shares the transaction of what comes after it, where migrations share theirs. */
function withStart(start: CompiledMigration[], { segments }: Plan, { transaction }: Project): Plan['segments'] {
  const [next, ...others] = segments;
  if (transaction === 'tenant' && next?.transaction === true) {
    return [{ ...next, migrations: [...start, ...next.migrations] }, ...others];
  }
  return [{ transaction: true, migrations: start }, ...segments];
}

/** The last of its migrations makes what all of them make, and writes the rows of those before it, in their order. */
function replacing(
  file: MigrationFile,
  { sql, migrations }: StoredSnapshot,
  { migrationsTable }: Project,
): CompiledMigration {
  const names = migrations.slice(0, -1).map((name) => quoteLiteral(name).trim());
  const rows = `INSERT INTO ${quoteIdentifier(migrationsTable)} (name, run_on)
    SELECT m.name, pg_catalog.now()::timestamp FROM pg_catalog.unnest(ARRAY[${names.join(', ')}]::text[]) WITH ORDINALITY AS m (name, n) ORDER BY m.n;`;
  const whole = names.length === 0 ? sql : `${sql}\n${rows}`;
  return { ...compiled(file), statements: [{ sql: whole, unparsed: true, writes: true }] };
}

function recorded(file: MigrationFile): CompiledMigration {
  return { ...compiled(file), recorded: true };
}

function compiled(file: MigrationFile): CompiledMigration {
  return { ...withoutStatements({ ...file, direction: 'up' }), allowFallThrough: true };
}
