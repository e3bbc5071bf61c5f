import { callingLine } from './calling-line.js';
import type { KnexSettings } from './knex-settings.js';
import type { BuilderSession, QueryBuilder, Wanted } from './types.js';

/** What is used of Knex (versions 0.95 to 3), which has no types for the inside of a client. */
type KnexClient = {
  config: Record<string, unknown>;
  queryBuilder(...args: unknown[]): object;
  schemaBuilder(...args: unknown[]): object;
  raw(...args: unknown[]): object;
  runner(builder: object): { query(object: unknown): Promise<unknown> };
  processResponse(object: KnexQuery, runner: unknown): unknown;
  postProcessResponse(response: unknown, context: unknown): unknown;
};
type KnexHandle = { client: KnexClient; transaction(): Promise<KnexHandle> };
type KnexQuery = {
  sql: string;
  bindings?: unknown[];
  options?: object;
  method?: string;
  output?: unknown;
  returning?: unknown;
  response?: unknown;
  [LINE]?: number | undefined;
};
type Knex = (config: KnexSettings & { client: unknown }) => KnexHandle;
type ClientClass = new (...args: unknown[]) => KnexClient;

/** Where the line is kept that made a builder, and the statements that come of it. */
const LINE = Symbol('line of the migration');

const SAVEPOINT = /^(?:SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) trx\d+;?$/;
const SELECTS: ReadonlySet<string> = new Set(['select', 'first', 'pluck', 'columnInfo']);
const COUNTS: ReadonlySet<string> = new Set(['update', 'del', 'counter']);

/** Knex over its own PostgreSQL dialect, whose queries go to a session. `undefined` for a module that is not Knex. */
export function knexBuilder(module: unknown, root: string, settings: KnexSettings): QueryBuilder | undefined {
  const exported = module as { default?: unknown; knex?: unknown };
  const knex = (exported.knex ?? exported.default) as Knex | undefined;
  if (typeof knex !== 'function') return undefined;
  const dialect = knex({ client: 'pg' }).client.constructor as ClientClass;
  return {
    format: 'knex',
    root,
    async run(session, action) {
      const state = { opening: session.transaction };
      const instance = knex({ ...settings, client: sessionClient(dialect, session, state) });
      // Migrations ask for the name of the client to tell databases apart.
      instance.client.config['client'] = 'pg';
      const handle = session.transaction ? await instance.transaction() : instance;
      state.opening = false;
      await action(handle);
      await session.settled();
    },
  };
}

/** A class, because Knex makes the client of a transaction from the class of the outer one. */
function sessionClient(Dialect: ClientClass, session: BuilderSession, state: { opening: boolean }): ClientClass {
  const marked = <Builder extends object>(builder: Builder): Builder =>
    Object.defineProperty(builder, LINE, { value: callingLine(session.path) });

  return class extends Dialect {
    override queryBuilder(...args: unknown[]): object {
      return marked(super.queryBuilder(...args));
    }

    override schemaBuilder(...args: unknown[]): object {
      return marked(super.schemaBuilder(...args));
    }

    override raw(...args: unknown[]): object {
      return marked(super.raw(...args));
    }

    override runner(builder: object & { [LINE]?: number }): { query(object: unknown): Promise<unknown> } {
      const runner = super.runner(builder);
      const query = runner.query.bind(runner);
      runner.query = (object) =>
        query(
          typeof object === 'object' && object !== null ? Object.assign(object, { [LINE]: builder[LINE] }) : object,
        );
      return runner;
    }

    async acquireConnection(): Promise<object> {
      return {};
    }

    async releaseConnection(): Promise<void> {}

    async destroy(): Promise<void> {}

    async _query(_connection: unknown, object: KnexQuery): Promise<KnexQuery> {
      const { sql } = object;
      if (!sql) throw new Error('The query is empty');
      if (state.opening) return object;
      if (SAVEPOINT.test(sql)) await session.savepoint(sql);
      else {
        const { bindings: values = [], options, [LINE]: line } = object;
        object.response = await session.answer({ text: sql, values, options, line, wanted: wantedOf(object) });
      }
      return object;
    }

    async _stream(_connection: unknown, { sql, bindings: values = [] }: KnexQuery): Promise<never> {
      await session.answer({ text: sql, values, line: undefined, wanted: 'rows' });
      throw new Error('A migration cannot stream rows here: read them with a query.');
    }

    override processResponse(object: KnexQuery, runner: unknown): unknown {
      return session.recording ? object.response : super.processResponse(object, runner);
    }

    override postProcessResponse(response: unknown, context: unknown): unknown {
      return session.recording ? response : super.postProcessResponse(response, context);
    }
  };
}

function wantedOf({ method = '', output, returning }: KnexQuery): Wanted {
  const hasReturning = returning !== undefined && (!Array.isArray(returning) || returning.length > 0);
  if (output !== undefined || hasReturning || SELECTS.has(method)) return 'rows';
  return COUNTS.has(method) ? 'count' : 'guarded';
}
