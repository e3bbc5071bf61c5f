import type { Client } from 'pg';

/** What one statement did, as far as the server can be asked for it. */
export type TriedStatement = {
  migration: string;
  sql: string;
  ms: number;
  /** Locks that it took on tables, views and sequences that were there before, each in its strongest mode. */
  locks: { object: string; mode: string }[];
  /** A table was written anew. */
  rewrites: boolean;
  /** What the server wrote to its log at the same time, for other sessions as well. */
  walBytes: number;
};

/** Weaker modes first. */
const MODES = [
  'AccessShareLock',
  'RowShareLock',
  'RowExclusiveLock',
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
];

type Relation = { oid: string; schema: string; name: string; node: string; kind: string };
type Look = {
  lsn: bigint;
  locks: Map<string, { rank: number; relation: Relation | undefined }>;
  nodes: Map<string, string>;
};

/** Looks at what statements do, one by one, in a transaction that is open. */
export class Observer {
  readonly #statements: TriedStatement[];
  readonly #client: Client;
  readonly #schema: string;
  /** The relations of the schemas as they were at the beginning. */
  readonly #known: ReadonlyMap<string, Relation>;
  readonly #own: ReadonlySet<string>;
  #last: Look | undefined;

  /**
   * @param schemas the schema in which statements run, and those to which its search path leads
   * @param statements where they are listed
   */
  static async begin(client: Client, schemas: readonly string[], statements: TriedStatement[]): Promise<Observer> {
    const { rows } = await client.query<Relation>(
      `SELECT c.oid::pg_catalog.text AS oid, n.nspname::pg_catalog.text AS schema, c.relname::pg_catalog.text AS name,
              c.relfilenode::pg_catalog.text AS node, c.relkind::pg_catalog.text AS kind
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
        WHERE n.nspname::pg_catalog.text OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[])`,
      [[...schemas]],
    );
    return new Observer(client, schemas, new Map(rows.map((row) => [row.oid, row])), statements);
  }

  private constructor(
    client: Client,
    schemas: readonly string[],
    known: ReadonlyMap<string, Relation>,
    statements: TriedStatement[],
  ) {
    this.#statements = statements;
    this.#client = client;
    this.#schema = schemas[0] ?? '';
    this.#own = new Set(schemas);
    this.#known = known;
  }

  /** Something else is about to run, whose locks are nobody's. */
  forget(): void {
    this.#last = undefined;
  }

  /** Runs a statement and looks at what it did; a statement that fails is not listed. */
  async observe<T>(migration: string, sql: string, run: () => Promise<T>): Promise<T> {
    const before = this.#last ?? (await this.#look());
    this.#last = undefined;
    const started = performance.now();
    const answer = await run();
    const ms = Math.round((performance.now() - started) * 10) / 10;
    const after = await this.#look();
    this.#last = after;
    this.#statements.push({
      migration,
      sql,
      ms,
      locks: this.#newLocks(before, after),
      rewrites: !/^\s*TRUNCATE\b/i.test(sql) && this.#rewrote(before, after),
      walBytes: Number(after.lsn - before.lsn),
    });
    return answer;
  }

  async #look(): Promise<Look> {
    const { rows } = await this.#client.query<{
      lsn: string;
      locks: LockRow[] | null;
      nodes: Record<string, string> | null;
    }>(LOOK, [[...this.#known.values()].filter(({ kind }) => REWRITABLE.has(kind)).map(({ oid }) => oid)]);
    const [row] = rows;
    const locks: Look['locks'] = new Map();
    for (const [oid, mode, schema, name, kind] of row?.locks ?? []) {
      const relation =
        name === null ? this.#known.get(oid) : { oid, schema: schema ?? '', name, kind: kind ?? '', node: '' };
      const rank = MODES.indexOf(mode);
      if (rank > (locks.get(oid)?.rank ?? -1)) locks.set(oid, { rank, relation });
    }
    return { lsn: lsnOf(row?.lsn ?? '0/0'), locks, nodes: new Map(Object.entries(row?.nodes ?? {})) };
  }

  #newLocks(before: Look, after: Look): TriedStatement['locks'] {
    const taken: TriedStatement['locks'] = [];
    for (const [oid, { rank, relation }] of after.locks) {
      if (relation === undefined || rank <= (before.locks.get(oid)?.rank ?? -1) || !this.#counts(oid, relation)) {
        continue;
      }
      taken.push({ object: this.#nameOf(relation), mode: MODES[rank] ?? '' });
    }
    return taken.sort((a, b) => a.object.localeCompare(b.object));
  }

  /** What the transaction has made itself is locked against nobody. */
  #counts(oid: string, { schema, kind }: Relation): boolean {
    if (!LISTED.has(kind) || schema === 'pg_catalog' || schema === 'pg_toast' || schema.startsWith('pg_temp')) {
      return false;
    }
    return !this.#own.has(schema) || this.#known.has(oid);
  }

  #nameOf({ schema, name }: Relation): string {
    return schema === this.#schema ? name : `${schema}.${name}`;
  }

  #rewrote(before: Look, after: Look): boolean {
    return [...after.nodes].some(([oid, node]) => before.nodes.has(oid) && before.nodes.get(oid) !== node);
  }
}

const REWRITABLE: ReadonlySet<string> = new Set(['r', 'm']);
const LISTED: ReadonlySet<string> = new Set(['r', 'p', 'v', 'm', 'f', 'S']);

type LockRow = [oid: string, mode: string, schema: string | null, name: string | null, kind: string | null];

/** It runs under the search path of a tenant: its names are qualified. */
const LOOK = `
  SELECT pg_catalog.pg_current_wal_insert_lsn()::pg_catalog.text AS lsn,
         (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(l.relation::pg_catalog.text, l.mode, n.nspname, c.relname, c.relkind::pg_catalog.text))
            FROM pg_catalog.pg_locks l
            LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) l.relation
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
           WHERE l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND l.locktype OPERATOR(pg_catalog.=) 'relation' AND l.granted) AS locks,
         (SELECT pg_catalog.json_object_agg(c.oid::pg_catalog.text, c.relfilenode::pg_catalog.text)
            FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])) AS nodes`;

/** `16/B374D848` as a number of bytes. */
function lsnOf(text: string): bigint {
  const [high = '0', low = '0'] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}
