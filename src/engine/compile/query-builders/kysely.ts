import { callingLine } from './calling-line.js';
import type { BuilderSession, QueryBuilder, Wanted } from './types.js';

/** What is used of Kysely (0.24 and later). */
type CompiledQuery = {
  sql: string;
  parameters: readonly unknown[];
  query: { kind: string; returning?: unknown };
  queryId?: object;
};
type PluginArgs = { node: unknown; queryId: object };
type KyselyHandle = {
  transaction(): { execute(action: (handle: unknown) => Promise<void>): Promise<void> };
  connection(): { execute(action: (handle: unknown) => Promise<void>): Promise<void> };
};
type Class<Instance, Args extends unknown[] = []> = new (...args: Args) => Instance;
type KyselyModule = {
  Kysely: Class<KyselyHandle, [{ dialect: object; plugins: object[] }]>;
  PostgresAdapter: Class<object>;
  PostgresQueryCompiler: Class<object>;
  PostgresIntrospector: Class<object, [unknown]>;
};
type Result = { command?: string; rowCount?: number | null; rows?: unknown[] };

const COUNTS: ReadonlySet<string> = new Set([
  'InsertQueryNode',
  'UpdateQueryNode',
  'DeleteQueryNode',
  'MergeQueryNode',
]);
const COUNTED_COMMANDS: ReadonlySet<unknown> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

/** Kysely over its own PostgreSQL dialect, with a driver that sends to a session. `undefined` for a module that is not Kysely. */
export function kyselyBuilder(module: unknown, root: string): QueryBuilder | undefined {
  const kysely = module as Partial<KyselyModule>;
  if (!isComplete(kysely)) return undefined;
  return {
    format: 'kysely',
    root,
    async run(session, action) {
      const lines = new WeakMap<object, number | undefined>();
      const db = new kysely.Kysely({
        dialect: {
          createAdapter: () => new kysely.PostgresAdapter(),
          createDriver: () => sessionDriver(session, lines),
          createIntrospector: (handle: unknown) => new kysely.PostgresIntrospector(handle),
          createQueryCompiler: () => new kysely.PostgresQueryCompiler(),
        },
        plugins: [lineNoting(session, lines)],
      });
      const scope = session.transaction ? db.transaction() : db.connection();
      await scope.execute(async (handle) => {
        await action(handle);
        await session.settled();
      });
    },
  };
}

function isComplete(kysely: Partial<KyselyModule>): kysely is KyselyModule {
  const { Kysely, PostgresAdapter, PostgresQueryCompiler, PostgresIntrospector } = kysely;
  return [Kysely, PostgresAdapter, PostgresQueryCompiler, PostgresIntrospector].every(
    (one) => typeof one === 'function',
  );
}

/** Queries are compiled while the migration's own function is among the callers, and sent later. */
function lineNoting(session: BuilderSession, lines: WeakMap<object, number | undefined>): object {
  return {
    transformQuery({ node, queryId }: PluginArgs): unknown {
      lines.set(queryId, callingLine(session.path));
      return node;
    },
    transformResult: async ({ result }: { result: unknown }): Promise<unknown> => result,
  };
}

function sessionDriver(session: BuilderSession, lines: WeakMap<object, number | undefined>): object {
  const connection = {
    async executeQuery({ sql, parameters, query, queryId }: CompiledQuery): Promise<object> {
      const wanted = wantedOf(query);
      const line = queryId === undefined ? undefined : lines.get(queryId);
      const answer = await session.answer({ text: sql, values: parameters, line, wanted });
      return session.recording ? recordedResult(answer, wanted) : databaseResult(answer as Result | Result[]);
    },
    async *streamQuery(compiled: CompiledQuery): AsyncGenerator<object> {
      yield await connection.executeQuery({ ...compiled, query: { kind: 'SelectQueryNode' } });
    },
  };
  /** The transaction around a migration is not its own; another one is sent, to be refused where it stands. */
  const control = async (sql: string): Promise<void> => {
    if (!session.transaction) await session.answer({ text: sql, values: [], line: undefined, wanted: 'guarded' });
  };
  return {
    init: async () => undefined,
    acquireConnection: async () => connection,
    beginTransaction: () => control('BEGIN'),
    commitTransaction: () => control('COMMIT'),
    rollbackTransaction: () => control('ROLLBACK'),
    releaseConnection: async () => undefined,
    destroy: async () => undefined,
  };
}

function wantedOf({ kind, returning }: CompiledQuery['query']): Wanted {
  if (kind === 'SelectQueryNode' || returning !== undefined) return 'rows';
  return COUNTS.has(kind) ? 'count' : 'guarded';
}

function recordedResult(answer: unknown, wanted: Wanted): object {
  return wanted === 'count' ? { rows: [], numAffectedRows: BigInt(answer as number) } : (answer as object);
}

/** What Kysely's own driver makes of a result of node-postgres. */
function databaseResult(answer: Result | Result[]): object {
  const { command, rowCount, rows = [] } = Array.isArray(answer) ? (answer.at(-1) ?? {}) : answer;
  return COUNTED_COMMANDS.has(command) ? { rows, numAffectedRows: BigInt(rowCount ?? 0) } : { rows };
}
