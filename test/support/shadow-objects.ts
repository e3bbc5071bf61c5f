import { escapeIdentifier } from 'pg';

import type { TestDatabase } from './database.js';
import { openProxy, type Proxy } from './proxy.js';

/** Types that arguments of our SQL have, or literals can be taken for. */
const ONE = [
  'text',
  'name',
  'varchar',
  'int4',
  'int8',
  'oid',
  'bool',
  'json',
  'text[]',
  'name[]',
  'regclass',
  '"char"',
];
const TWO = ['text', 'name', 'varchar', 'int4', 'int8', 'oid', 'text[]', '"char"', 'timestamptz'];
const MORE = ['text', 'name', 'bool'];

/** Operators that some syntax stands for. */
const IMPLIED = ['=', '<>', '<', '<=', '>', '>=', '~~', '!~~'];

/** SQL as it went over the wire. */
export type Recording = { proxy: Proxy; sql: () => string[] };

/** Opens a proxy that takes down the text of every statement. */
export async function recordSql(database: TestDatabase): Promise<Recording> {
  const proxy = await openProxy(database);
  const texts = new Set<string>();
  proxy.cut({
    when: ({ type, bytes }) => {
      // A Query message is its text; a Parse message is a name, then the text.
      const [first = '', second = ''] = bytes.subarray(5).toString().split('\0');
      if (type === 'Q') texts.add(first);
      if (type === 'P') texts.add(second);
      return false;
    },
  });
  return { proxy, sql: () => [...texts] };
}

/** Names of PostgreSQL's functions and operators that occur in SQL, also in its strings, which may be SQL themselves. */
export async function namesIn(
  database: TestDatabase,
  sql: readonly string[],
): Promise<{ functions: { name: string; arities: number[] }[]; operators: string[] }> {
  const text = sql.join('\n');
  const called = new Set([...text.matchAll(/([a-z_][a-z0-9_]*)\s*\(/gi)].map(([, name]) => name?.toLowerCase()));
  const { rows } = await database.query<{ name: string; arities: number[]; variadic: boolean }>(
    `SELECT p.proname::pg_catalog.text AS name, pg_catalog.array_agg(DISTINCT p.pronargs::int) AS arities,
            pg_catalog.bool_or(p.provariadic OPERATOR(pg_catalog.<>) 0) AS variadic
       FROM pg_catalog.pg_proc p WHERE p.pronamespace OPERATOR(pg_catalog.=) 11 GROUP BY 1`,
  );
  const functions = rows
    .filter(({ name }) => called.has(name))
    .map(({ name, arities, variadic }) => ({ name, arities: variadic ? [1, 2, 3, 4] : arities }));
  const found = await database.query<{ name: string }>('SELECT DISTINCT oprname AS name FROM pg_catalog.pg_operator');
  const operators = found.rows
    .map(({ name }) => name)
    .filter((name) => IMPLIED.includes(name) || text.includes(` ${name} `));
  return { functions, operators };
}

/**
 * Creates, as a role that may do nothing else, functions and operators of these names with arguments that fit better than those
 * of PostgreSQL's own. Each of them raises an error, and counts its call where no rollback takes it back.
 */
export async function plantShadows(
  database: TestDatabase,
  { schema, role }: { schema: string; role: string },
  { functions, operators }: Awaited<ReturnType<typeof namesIn>>,
): Promise<number> {
  const client = await database.client();
  await client.query('CREATE SCHEMA IF NOT EXISTS spy; CREATE SEQUENCE IF NOT EXISTS spy.calls');
  const own = escapeIdentifier(schema);
  const body = (name: string): string =>
    `LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_catalog.nextval('spy.calls'); RAISE EXCEPTION 'shadow: ${name}'; END $$`;
  const statements = [
    ...functions.flatMap(({ name, arities }) =>
      arities.flatMap((arity) =>
        combinations(arity).map(
          (types) => `CREATE FUNCTION ${own}.${escapeIdentifier(name)}(${types.join()}) RETURNS text ${body(name)}`,
        ),
      ),
    ),
    ...TWO.flatMap((left) =>
      TWO.flatMap((right) => [
        `CREATE FUNCTION ${own}.shadow_operator(${left}, ${right}) RETURNS bool ${body(`operator of ${left} and ${right}`)}`,
        ...operators.map(
          (name) =>
            `CREATE OPERATOR ${own}.${name} (LEFTARG = ${left}, RIGHTARG = ${right}, FUNCTION = ${own}.shadow_operator)`,
        ),
      ]),
    ),
  ];
  await client.query(`SET ROLE ${escapeIdentifier(role)}; SET check_function_bodies = off; SET search_path = ''`);
  for (let start = 0; start < statements.length; start += 500) {
    await client.query(statements.slice(start, start + 500).join('; '));
  }
  await client.end();
  return statements.length;
}

/** How many times a shadow was called. */
export async function shadowCalls(database: TestDatabase): Promise<number> {
  const { rows } = await database.query<{ calls: number }>(
    'SELECT CASE WHEN is_called THEN last_value::int ELSE 0 END AS calls FROM spy.calls',
  );
  return rows[0]?.calls ?? 0;
}

function combinations(arity: number): string[][] {
  if (arity === 0) return [[]];
  if (arity === 1) return ONE.map((type) => [type]);
  if (arity > 4) return [];
  const types = arity === 2 ? TWO : MORE;
  return combine(types, arity);
}

function combine(types: readonly string[], arity: number): string[][] {
  if (arity === 0) return [[]];
  return combine(types, arity - 1).flatMap((before) => types.map((type) => [...before, type]));
}
