import type { Client } from 'pg';

import type { Project } from '../../project/project.js';

/** Where the sequences stand that tenants share: those of the tenants themselves are kept from moving. */
export async function sharedSequences(client: Client, { shared, tenants }: Project): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; value: string | null }>(
    `SELECT format('%I.%I', schemaname, sequencename) AS name, last_value::text AS value FROM pg_sequences
      WHERE schemaname = ANY ($1::text[]::name[])`,
    [[shared.schema, ...tenants.extraSearchPath]],
  );
  return new Map(rows.map(({ name, value }) => [name, value ?? 'unused']));
}

/** What should be said about sequences that do not stand where they stood. Pure. */
export function sequencesMoved(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...after]
    .filter(([name, value]) => before.has(name) && before.get(name) !== value)
    .map(
      ([name, value]) =>
        `The sequence ${name} moved from ${before.get(name)} to ${value}: a rollback does not undo that. Either migrations of tenants use it, or another session did.`,
    );
}
