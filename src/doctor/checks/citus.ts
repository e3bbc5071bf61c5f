import type { Client } from 'pg';

import { distributedAmong, readTenantNodes } from '../../db/citus/nodes.js';
import { countByNode } from '../../fleet/count-nodes.js';
import { hasOwnSchema } from '../../registry/list.js';
import { plural } from '../../util/format-count.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { noneOf, right, wrong } from '../results.js';
import type { Check, CheckGroup, CheckName, Examination } from '../types.js';

const NAMES = ['citus-nodes', 'citus-transactions', 'citus-placement', 'citus-shared-tables'] as const;

/** The cluster that tenants are spread over, if there is one. */
export const CITUS_CHECKS: CheckGroup = {
  names: NAMES,
  needs: 'fleet',
  run: async (exam) => {
    const { client, server, fleet, project } = exam;
    if (server.citus === undefined) return NAMES.map((name: CheckName) => right(name, 'no Citus'));
    const own = (fleet?.registered ?? []).filter((tenant) => hasOwnSchema(project.registry, tenant));
    const here = new Set(exam.schemas);
    const schemas = own.map(({ schema }) => schema).filter((schema) => here.has(schema));
    const distributed = await distributedAmong(client, schemas);
    return [
      judgeNodes(await readNodes(client)),
      await transactionsCheck(client),
      await placementCheck(exam, schemas, distributed),
      await sharedTablesCheck(exam, schemas, distributed),
    ];
  },
};

/** A node, the version of the extension there, or why it does not say. */
export type NodeState = {
  node: string;
  coordinator: boolean;
  active: boolean;
  version: string | null;
  problem: string | null;
};

async function readNodes(client: Client): Promise<NodeState[]> {
  const { rows } = await client.query<NodeState>(
    `SELECT format('%s:%s', n.nodename, n.nodeport) AS node, n.groupid = 0 AS coordinator, n.isactive AS active,
            CASE WHEN r.success THEN r.result END AS version, CASE WHEN NOT r.success THEN r.result END AS problem
       FROM run_command_on_all_nodes($$SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'citus'$$) r
       JOIN pg_dist_node n USING (nodeid) WHERE n.noderole = 'primary' ORDER BY 1`,
  );
  return rows;
}

/** Pure. */
export function judgeNodes(nodes: readonly NodeState[]): Check {
  const version = nodes.find(({ coordinator }) => coordinator)?.version ?? nodes[0]?.version ?? null;
  const items = nodes.flatMap(({ node, active, version: own, problem }) => [
    ...(problem === null ? [] : [`${node}: ${problem}`]),
    ...(active ? [] : [`${node}: not active`]),
    ...(problem === null && own !== version
      ? [`${node}: Citus ${own ?? 'is not installed'}, and ${version ?? 'none'} elsewhere`]
      : []),
  ]);
  const actual = `${plural(nodes.length, 'node')}, Citus ${version ?? 'of an unknown version'}`;
  if (items.length === 0) return right('citus-nodes', actual);
  return wrong('citus-nodes', `${plural(items.length, 'problem')} of ${plural(nodes.length, 'node')}`, {
    items,
    suggestions: ['Start the node. After an update, run ALTER EXTENSION citus UPDATE in this database on every node.'],
  });
}

/** Citus finishes them within a minute, unless something keeps it from that. */
async function transactionsCheck(client: Client): Promise<Check> {
  const { rows } = await client.query<{ item: string }>(
    `SELECT format('%s:%s: %s', n.nodename, n.nodeport, r.result) AS item
       FROM run_command_on_all_nodes($$SELECT pg_catalog.string_agg(gid, ', ') FROM pg_catalog.pg_prepared_xacts
              WHERE database = pg_catalog.current_database() AND prepared < pg_catalog.now() - interval '5 minutes'$$) r
       JOIN pg_dist_node n USING (nodeid) WHERE r.success AND r.result <> '' ORDER BY 1`,
  );
  return noneOf(
    'citus-transactions',
    rows.map(({ item }) => item),
    {
      thing: 'node holds prepared transactions',
      things: 'nodes hold prepared transactions',
      suggestions: [
        'Migrations of their tenants wait for them. As a superuser, run: SELECT recover_prepared_transactions()',
        'If the setting citus.recover_2pc_interval is -1, Citus never does so itself.',
      ],
    },
  );
}

async function placementCheck(
  { client, project }: Examination,
  schemas: readonly string[],
  distributed: ReadonlySet<string>,
): Promise<Check> {
  const nodes = countByNode([...distributed], await readTenantNodes(client, [...distributed]));
  const local = schemas.filter((schema) => !distributed.has(schema));
  const places = nodes.map(({ node, tenants }) => `${node ?? 'without tables'}: ${plural(tenants, 'tenant')}`);
  if (distributed.size === 0) return right('citus-placement', 'no tenant is distributed');
  if (local.length === 0 || project.tenants.distribute === false) {
    return right('citus-placement', `${plural(distributed.size, 'tenant')} on ${plural(nodes.length, 'node')}`, {
      items: places,
    });
  }
  return wrong(
    'citus-placement',
    `${plural(local.length, 'tenant')} on the coordinator, ${plural(distributed.size, 'tenant')} on nodes`,
    {
      items: local,
      suggestions: [
        `To place them on nodes, run: ${tenantsCommand('distribute', '--all')}`,
        'If they are to stay, set tenants.distribute to false; new tenants are local then.',
      ],
    },
  );
}

/** Tables of the shared schema that tables of local tenants refer to: these tenants cannot go to a node. */
async function sharedTablesCheck(
  { client, project }: Examination,
  schemas: readonly string[],
  distributed: ReadonlySet<string>,
): Promise<Check> {
  if (distributed.size === 0) return right('citus-shared-tables', 'no tenant is distributed');
  const { rows } = await client.query<{ name: string }>(
    `SELECT DISTINCT format('%I.%I', sn.nspname, s.relname) AS name
       FROM pg_constraint k JOIN pg_class s ON s.oid = k.confrelid JOIN pg_namespace sn ON sn.oid = s.relnamespace
       JOIN pg_namespace tn ON tn.oid = k.connamespace
      WHERE k.contype = 'f' AND sn.nspname = $2 AND tn.nspname::text = ANY ($1::text[])
        AND NOT EXISTS (SELECT FROM pg_dist_partition p WHERE p.logicalrelid = s.oid) ORDER BY 1`,
    [schemas, project.shared.schema],
  );
  return noneOf(
    'citus-shared-tables',
    rows.map(({ name }) => name),
    {
      thing: 'table that tenants refer to is on the coordinator only',
      things: 'tables that tenants refer to are on the coordinator only',
      suggestions: ['Make them reference tables in a shared migration: referenceTable of pg-tenants/migrations.'],
    },
  );
}
