import { withAdmin } from '../support/admin.js';
import type { FleetState } from './state.js';

type Claim = {
  run: string;
  tenant: string;
  direction: 'up' | 'down' | null;
  status: string;
  migrations: string[] | null;
  unknown: boolean;
};

/**
 * Where the journal and the database differ: what the recorded runs say they applied and undid must be what each migrations table
 * holds, and only the last run may be without an end.
 */
export async function complainAboutJournal(url: string, state: FleetState): Promise<string[]> {
  return await withAdmin(url, async (client) => {
    const { rows: claims } = await client.query<Claim>(
      `SELECT t.run, t.tenant, r.direction, t.status, t.migrations, t.unknown
         FROM tenants_journal.results t JOIN tenants_journal.runs r ON r.id = t.run ORDER BY t.run`,
    );
    const { rows: open } = await client.query<{ id: string; command: string }>(
      `SELECT id, command FROM tenants_journal.runs WHERE finished_at IS NULL ORDER BY id`,
    );
    const { rows: counts } = await client.query<{ id: string; claimed: number; found: number }>(
      `SELECT r.id, coalesce((r.counts->>'applied')::int, 0) AS claimed,
              (SELECT count(*)::int FROM tenants_journal.results t WHERE t.run = r.id AND t.status = 'applied') AS found
         FROM tenants_journal.runs r WHERE r.direction = 'up'`,
    );
    return [
      ...open.map(({ id, command }) => `run ${id} (${command}) has no end in the journal`),
      ...claims.filter(({ unknown }) => unknown).map(({ run, tenant }) => `run ${run} does not know about ${tenant}`),
      ...counts
        .filter(({ claimed, found }) => claimed !== found)
        .map(({ id, claimed, found }) => `run ${id} counts ${claimed} tenants, and ${found} are recorded`),
      ...[...state.schemas.values()].flatMap(({ schema, applied }) => {
        const told = netOf(claims.filter(({ tenant }) => tenant === schema));
        const same = told.toSorted().join(' ') === applied.toSorted().join(' ');
        const list = JSON.stringify(claims.filter(({ tenant }) => tenant === schema));
        return same
          ? []
          : [`${schema}: the database has ${applied.join(', ')}, the journal ${told.join(', ')}: ${list}`];
      }),
    ];
  });
}

/** What is applied after all that the runs say they did to a tenant; a migration that two of them claim stands there twice. */
function netOf(claims: readonly Claim[]): string[] {
  const net: string[] = [];
  // What a failed tenant kept of a rollback was undone, too.
  for (const { direction, migrations } of claims) {
    for (const name of migrations ?? []) {
      if (direction === 'down') net.splice(net.indexOf(name), net.includes(name) ? 1 : 0);
      else net.push(name);
    }
  }
  return net;
}
