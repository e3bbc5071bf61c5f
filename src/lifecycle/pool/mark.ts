import { randomBytes } from 'node:crypto';

import type { Client } from 'pg';

import { qualified, quoteIdentifier, quoteLiteral } from '../../db/identifiers.js';
import type { Project } from '../../project/project.js';

/**
 * A schema of the pool is one that has such a name, belongs to the role that owns the tenants, is no tenant's, and says so in its
 * comment. The comment is written and removed in the transactions that make and claim it, is dumped and restored with the schema, and
 * needs neither registry nor journal. Nobody but the owner of a schema can write it.
 */
export const PREFIX = 'tenants_pool_';
const WORDS = 'pg-tenants-pool ';

/** What the comment says. */
export type PoolMark = {
  /** The shared schema of the application: several can use one database. */
  shared: string;
  type: string | null;
  /** The digest of the files from which it was made; `null` while it is made. */
  files: string | null;
};

export type PoolSchema = { schema: string; oid: number; mark: PoolMark };

/** A name that no other schema has, which is found in whatever text it gets into. */
export function newPoolName(): string {
  return PREFIX + randomBytes(8).toString('hex');
}

export function isPoolName(schema: string): boolean {
  return /^tenants_pool_[0-9a-f]{16}$/.test(schema);
}

/** The statement that writes the mark, as the owner of the schema. */
export function markStatement(schema: string, mark: PoolMark): string {
  return `COMMENT ON SCHEMA ${quoteIdentifier(schema)} IS ${quoteLiteral(WORDS + JSON.stringify(mark))}`;
}

/** The schemas of this application's pool, ready or not, in one query. */
export async function readPool(client: Client, { registry, role }: Project): Promise<PoolSchema[]> {
  const { schema: shared, tenants } = registry;
  const { rows } = await client.query<{ schema: string; oid: number; comment: string }>(
    `SELECT n.nspname::text AS schema, n.oid, d.description AS comment
       FROM pg_namespace n
       JOIN pg_description d ON d.objoid = n.oid AND d.classoid = 'pg_namespace'::regclass AND d.objsubid = 0
      WHERE n.nspname >= '${PREFIX}' AND n.nspname < '${PREFIX.slice(0, -1)}\`'
        AND n.nspowner = (SELECT r.oid FROM pg_roles r WHERE r.rolname = coalesce($1::text, current_user))
        AND NOT EXISTS (SELECT FROM ${qualified(shared, tenants.table)} t WHERE t.${quoteIdentifier(tenants.columns.schemaName)}::text = n.nspname::text)
      ORDER BY n.oid`,
    [role ?? null],
  );
  return rows.flatMap(({ comment, ...place }) => {
    const mark = parseMark(comment);
    return mark?.shared === shared && isPoolName(place.schema) ? [{ ...place, mark }] : [];
  });
}

/** What a comment says; `undefined` for anybody else's. Pure. */
export function parseMark(comment: string): PoolMark | undefined {
  if (!comment.startsWith(WORDS)) return undefined;
  try {
    const { shared, type = null, files = null } = JSON.parse(comment.slice(WORDS.length)) as Partial<PoolMark>;
    return typeof shared === 'string' ? { shared, type, files } : undefined;
  } catch {
    return undefined;
  }
}
