import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from 'pg';

import { withCancel } from '../../db/backend/with-cancel.js';
import { closeClient, openClient } from '../../db/connect.js';
import { assertOwn, assertTransactions } from '../../db/own-session.js';
import type { ResultPart } from '../../db/portal.js';
import { assertWritable } from '../../db/server.js';
import { codeOf, SQLSTATE } from '../../db/sqlstates.js';
import { parseQuery, type QueryStatement } from '../../engine/sql/parse-query.js';
import { serializeError } from '../../errors/serialize.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { STANDARD_CONCURRENCY } from '../../executors/standard.js';
import { assertExtraSearchPath } from '../../fleet/assert-extra-search-path.js';
import { type ChosenSchema, chooseSchemas } from '../../fleet/selection.js';
import type { Project } from '../../project/project.js';
import { assertRegistry } from '../../registry/check.js';
import { readTenants } from '../../registry/list.js';
import { withSession } from '../../session/control-session.js';
import { tabulate } from './columns.js';
import { queryTenant, resetQuerySession } from './query-tenant.js';
import { Turns } from './turns.js';
import type { QueryOptions, QueryReport } from './types.js';

/**
 * Runs one statement in each selected tenant, over several connections, and hands the rows over in the order of the
 * tenants, whatever is ready first. A tenant that fails is reported and the others go on.
 *
 * @throws TenantsError for what concerns the whole run: a statement that is refused, an unknown tenant, a database that
 *   cannot be used. Nothing was run then. Besides, whatever `onRows` throws.
 */
export async function query(project: Project, options: QueryOptions): Promise<QueryReport> {
  const startedAt = performance.now();
  const statement = await parseQuery(options.sql);
  if (options.write === true && project.fallThrough !== 'off' && statement.outside !== undefined) {
    throw new TenantsError('USAGE', `The statement is refused: it would run in every tenant. ${statement.outside}`, {
      suggestions: ['Run it once with psql, or in a migration of the shared schema.'],
    });
  }
  options.onEvent?.({ type: 'phase', phase: 'connect' });
  const { tenants, ownSession } = await withSession(project, 'query', async ({ client, server, session }) => {
    if (options.write === true) {
      assertWritable(server);
      assertOwn(session);
    }
    if (session !== 'own') await assertTransactions(client);
    return { tenants: await selected(client, project, options), ownSession: session === 'own' };
  });
  options.onEvent?.({ type: 'phase', phase: 'tenants', total: tenants.length });
  const run = new QueryRun(project, statement, tenants, ownSession, options);
  return { ...(await run.start()), durationMs: Math.round(performance.now() - startedAt) };
}

async function selected(client: Client, project: Project, options: QueryOptions): Promise<readonly ChosenSchema[]> {
  const { registry, tenants: settings } = project;
  await assertRegistry(client, registry);
  const all = await readTenants(client, registry, { order: settings.order });
  assertExtraSearchPath(
    project,
    all.map(({ schema }) => schema),
  );
  return await chooseSchemas(project, options)(all, client);
}

class QueryRun {
  readonly #project: Project;
  readonly #statement: QueryStatement;
  readonly #tenants: readonly ChosenSchema[];
  /** Behind a pooler that shares it out, nothing but a transaction is ours to clean up. */
  readonly #ownSession: boolean;
  readonly #options: QueryOptions;
  readonly #turns = new Turns();
  readonly #failed = new Map<string, QueryReport['failed'][number]['error']>();
  #next = 0;
  #rows = 0;
  /** Why there is no connection to be had any more. */
  #unreachable: unknown;
  /** What `onRows` threw: the reader has gone. */
  #reader: { error: unknown } | undefined;

  constructor(
    project: Project,
    statement: QueryStatement,
    tenants: readonly ChosenSchema[],
    ownSession: boolean,
    options: QueryOptions,
  ) {
    this.#project = project;
    this.#statement = statement;
    this.#tenants = tenants;
    this.#ownSession = ownSession;
    this.#options = options;
  }

  async start(): Promise<Omit<QueryReport, 'durationMs'>> {
    const lanes = Math.min(this.#project.concurrency ?? STANDARD_CONCURRENCY, this.#tenants.length);
    await Promise.all(Array.from({ length: lanes }, () => this.#runLane()));
    if (this.#reader !== undefined) throw this.#reader.error;
    for (const { schema } of this.#tenants.slice(this.#next)) this.#failed.set(schema, serializeError(this.#notRun()));
    return {
      tenants: this.#tenants.length,
      rows: this.#rows,
      failed: this.#tenants.flatMap(({ schema }) => {
        const error = this.#failed.get(schema);
        return error === undefined ? [] : [{ tenant: schema, error }];
      }),
      interrupted: this.#interrupted(),
    };
  }

  /** Takes tenants from the list as long as there is one and a connection to run it on. */
  async #runLane(): Promise<void> {
    let client: Client | undefined;
    try {
      while (this.#next < this.#tenants.length && !this.#stopped()) {
        client ??= await this.#connect();
        const position = this.#next;
        const tenant = this.#tenants[position];
        if (client === undefined || tenant === undefined || this.#stopped()) return;
        this.#next += 1;
        if (!(await this.#runTenant(client, tenant, position))) {
          await closeClient(client);
          client = undefined;
        }
      }
    } finally {
      if (client !== undefined) await closeClient(client);
    }
  }

  /** True when the connection can be used again. */
  async #runTenant(client: Client, { schema: tenant, rows }: ChosenSchema, position: number): Promise<boolean> {
    const { write = false } = this.#options;
    const work = {
      project: this.#project,
      statement: this.#statement,
      tenant,
      rows: rows === true,
      write,
      emit: async (part: ResultPart) => {
        await this.#turns.reach(position);
        await this.#handOver(tenant, tabulate(part));
      },
    };
    this.#options.onEvent?.({ type: 'tenant:start', tenant });
    try {
      await withCancel(this.#project.database, client, this.#options.cancel, () => queryTenant(client, work));
    } catch (error) {
      const readOnly = !write && codeOf(error) === SQLSTATE.readOnlyTransaction;
      const suggestions = { suggestions: ['A query only reads; to change data, add --write.'] };
      this.#failed.set(tenant, { ...serializeError(error), tenant, ...(readOnly ? suggestions : {}) });
    } finally {
      this.#turns.done(position);
    }
    return await resetQuerySession(client, this.#ownSession);
  }

  async #handOver(tenant: string, part: Omit<Parameters<QueryOptions['onRows']>[0], 'tenant'>): Promise<void> {
    if (this.#reader !== undefined) throw this.#reader.error;
    this.#rows += part.rows.length;
    try {
      await this.#options.onRows({ tenant, ...part });
    } catch (error) {
      this.#reader ??= { error };
      throw error;
    }
  }

  async #connect(): Promise<Client | undefined> {
    for (let tries = 0; !this.#stopped(); tries += 1) {
      try {
        return await openClient(this.#project.database, 'query');
      } catch (error) {
        if (tries >= this.#project.retries) {
          this.#unreachable ??= error;
          return undefined;
        }
        await sleep(100 * 2 ** tries * (0.5 + Math.random()), undefined, { signal: this.#options.drain }).catch(
          () => {},
        );
      }
    }
    return undefined;
  }

  #stopped(): boolean {
    return this.#reader !== undefined || this.#interrupted();
  }

  #interrupted(): boolean {
    return this.#options.drain?.aborted === true || this.#options.cancel?.aborted === true;
  }

  #notRun(): unknown {
    if (this.#interrupted()) return new TenantsError('INTERRUPTED', 'Not run: the command was interrupted before.');
    return this.#unreachable;
  }
}
