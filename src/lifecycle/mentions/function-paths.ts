import type { Client } from 'pg';

import { quoteLiteral } from '../../db/identifiers.js';
import { IS_USERS_ROUTINE } from './read-texts.js';

/**
 * Puts another schema into the search paths that functions set for themselves (`SET search_path`, `SET … FROM CURRENT`), which
 * name schemas by text. Runs in the transaction of a change, under an empty search path.
 *
 * @param options.within only the functions of this schema
 */
export async function rewriteFunctionPaths(
  client: Client,
  { from, to, within }: { from: string; to: string; within?: string },
): Promise<void> {
  const { rows } = await client.query<{ routine: string; settings: string[] }>(
    `SELECT p.oid::regprocedure::text AS routine, p.proconfig AS settings
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE ${IS_USERS_ROUTINE} AND ($1::text IS NULL OR n.nspname = $1) AND p.proconfig IS NOT NULL
      ORDER BY 1`,
    [within ?? null],
  );
  for (const { routine, settings } of rows) {
    const path = pathOf(settings);
    if (!path.includes(from)) continue;
    const names = path.map((name) => quoteLiteral(name === from ? to : name));
    await client.query(`ALTER ROUTINE ${routine} SET search_path TO ${names.join(', ')}`);
  }
}

/** The schemas of the search path among settings such as `search_path=acme, "$user"`. Pure. */
export function pathOf(settings: readonly string[]): string[] {
  const setting = settings.find((one) => one.startsWith('search_path='));
  return [...(setting ?? '').slice('search_path='.length).matchAll(/"((?:[^"]|"")*)"|[^",\s]+/g)].map(
    ([text, quoted]) => quoted?.replaceAll('""', '"') ?? text,
  );
}
