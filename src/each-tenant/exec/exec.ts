import pLimit from 'p-limit';

import { type LibpqVariables, withLibpqVariables } from '../../db/libpq-environment.js';
import { assertOwn } from '../../db/own-session.js';
import { serializeError } from '../../errors/serialize.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { STANDARD_CONCURRENCY } from '../../executors/standard.js';
import { assertExtraSearchPath } from '../../fleet/assert-extra-search-path.js';
import { type ChosenSchema, chooseSchemas, type SchemaSelection } from '../../fleet/selection.js';
import type { Project } from '../../project/project.js';
import { assertRegistry } from '../../registry/check.js';
import { readTenants } from '../../registry/list.js';
import { requireRows } from '../../row-tables/row-scope.js';
import { withSession } from '../../session/control-session.js';
import { assertOptionsArrive } from './assert-options.js';
import { type Child, startChild } from './child.js';
import { tenantEnvironment, type TenantSchemas } from './environment.js';
import { assertProgram } from './find-program.js';
import { SchemaLook } from './schema-look.js';
import type { ExecOptions, ExecReport, ExecResult } from './types.js';

/**
 * Runs a program for each selected tenant, several at once, with an environment in which PostgreSQL clients find that tenant.
 * The tenants whose program fails are reported and the others go on. A tenant without a schema is left out: its program
 * would find the shared schema in its place.
 *
 * @throws TenantsError for what concerns the whole run: no such program, an unknown tenant, a database that cannot be used,
 *   or one that a program cannot be led to.
 *   Nothing was started then. Besides, whatever `onLines` throws.
 */
export async function exec(project: Project, options: ExecOptions): Promise<ExecReport> {
  const startedAt = performance.now();
  await assertProgram(options.command[0], options);
  return await withLibpqVariables(project.database, 'exec', async (variables) => {
    const report = await runTenants(project, options, variables);
    return { ...report, durationMs: Math.round(performance.now() - startedAt) };
  });
}

async function runTenants(
  project: Project,
  options: ExecOptions,
  variables: LibpqVariables,
): Promise<Omit<ExecReport, 'durationMs'>> {
  options.onEvent?.({ type: 'phase', phase: 'connect' });
  const tenants = await selectedTenants(project, options);
  options.onEvent?.({ type: 'phase', phase: 'tenants', total: tenants.length });
  const look = new SchemaLook(project.database);
  const children = new Children(options);
  const limit = pLimit(project.concurrency ?? STANDARD_CONCURRENCY);
  try {
    const run = async (tenant: ChosenSchema): Promise<ExecResult> => {
      const environment = async (): Promise<Record<string, string>> =>
        tenantEnvironment(options.env, await variables(), await schemasOf(project, tenant, look));
      return await runTenant(options, tenant.schema, environment, children);
    };
    const results = await Promise.all(tenants.map((tenant) => limit(() => run(tenant))));
    return { results, interrupted: isStopped(options) };
  } finally {
    limit.clearQueue();
    children.close();
    await look.close();
  }
}

/** The schemas that are meant, once it is certain that a program can be led to them. */
export async function selectedTenants(project: Project, selection: SchemaSelection): Promise<readonly ChosenSchema[]> {
  const { registry, tenants: settings } = project;
  return await withSession(project, 'exec', async ({ client, server, session }) => {
    assertOwn(session);
    if (!server.direct) await assertOptionsArrive(project.database);
    await assertRegistry(client, registry);
    const all = await readTenants(client, registry, { order: settings.order });
    assertExtraSearchPath(
      project,
      all.map(({ schema }) => schema),
    );
    return await chooseSchemas(project, selection)(all, client);
  });
}

/**
 * What a program of the tenant sees.
 *
 * @throws TenantsError TENANT_UNREADABLE without its schema; USAGE where the rows of other tenants would be seen, too.
 */
export async function schemasOf(
  project: Project,
  { schema, rows }: ChosenSchema,
  look: SchemaLook,
): Promise<TenantSchemas> {
  const { registry, shared, tenants } = project;
  const sees = { sharedSchema: shared.schema, extraSearchPath: tenants.extraSearchPath };
  if (rows !== true) {
    await look.assertExists(schema);
    return { ...sees, tenant: schema };
  }
  const { schema: place, setting } = requireRows(registry);
  await look.assertExists(place);
  const key = await look.keyOf(registry, schema);
  return { ...sees, tenant: place, rows: { name: schema, setting, key } };
}

/** @param environment that of the tenant's program; rejects where there is no such tenant to be led to */
async function runTenant(
  options: ExecOptions,
  tenant: string,
  environment: () => Promise<Record<string, string>>,
  children: Children,
): Promise<ExecResult> {
  const { command, cwd, onLines, onEvent } = options;
  const notStarted = (error: unknown): ExecResult => ({ tenant, exitCode: null, error: serializeError(error) });
  if (isStopped(options)) return notStarted(interrupted());
  let env: Record<string, string>;
  try {
    env = await environment();
  } catch (error) {
    return notStarted(error);
  }
  if (isStopped(options)) return notStarted(interrupted());
  onEvent?.({ type: 'tenant:start', tenant });
  const child = startChild({
    command,
    cwd,
    env,
    onLines: (stream, lines) => onLines(tenant, stream, lines),
  });
  return { tenant, exitCode: await children.follow(child) };
}

/** The programs at work, and what reaches them from outside. */
class Children {
  readonly #running = new Set<Child>();
  readonly #ended = new AbortController();
  readonly #onExit = (): void => this.#killAll('SIGTERM');

  constructor({ drain, cancel, signal = () => 'SIGTERM' }: ExecOptions) {
    const until = { signal: this.#ended.signal };
    drain?.addEventListener('abort', () => this.#killAll(signal()), until);
    cancel?.addEventListener('abort', () => this.#killAll('SIGKILL'), until);
    // They lead groups of their own, and would otherwise live on when this process gives up.
    process.once('exit', this.#onExit);
  }

  async follow(child: Child): Promise<number> {
    this.#running.add(child);
    try {
      return await child.exitCode;
    } catch (error) {
      child.kill('SIGTERM');
      throw error;
    } finally {
      this.#running.delete(child);
    }
  }

  close(): void {
    this.#killAll('SIGTERM');
    this.#ended.abort();
    process.off('exit', this.#onExit);
  }

  #killAll(signal: NodeJS.Signals): void {
    for (const child of this.#running) child.kill(signal);
  }
}

function isStopped({ drain, cancel }: ExecOptions): boolean {
  return drain?.aborted === true || cancel?.aborted === true;
}

function interrupted(): TenantsError {
  return new TenantsError('INTERRUPTED', 'Not started: the command was interrupted before.');
}
