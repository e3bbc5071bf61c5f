import { lookAtPool } from '../../lifecycle/pool/look.js';
import { readPool } from '../../lifecycle/pool/mark.js';
import { plural } from '../../util/format-count.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { right, wrong } from '../results.js';
import type { CheckGroup } from '../types.js';

/** Schemas that were made ahead for new tenants. */
export const POOL_CHECKS: CheckGroup = {
  names: ['tenant-pool'],
  needs: 'fleet',
  run: async ({ client, project }) => {
    const isThere = (await readPool(client, project)).length > 0;
    const looks = isThere ? await lookAtPool(client, project) : [];
    const ready = looks.reduce((sum, look) => sum + look.ready.length, 0);
    const items = looks.flatMap(({ behind, outdated, unfinished }) => [
      ...behind.map(({ schema }) => `${schema}: pending migrations`),
      ...outdated.map(({ schema }) => `${schema}: made from other migrations`),
      ...unfinished.map(({ schema }) => `${schema}: not finished`),
    ]);
    const size = project.pool?.size ?? 0;
    const state = ready === 0 && size === 0 ? 'no pool' : `${plural(ready, 'schema')} ready`;
    if (items.length === 0) return [right('tenant-pool', state)];
    return [
      wrong('tenant-pool', `${plural(items.length, 'schema')} that no tenant can have`, {
        items,
        suggestions: [
          size === 0
            ? `To remove them, run: ${tenantsCommand('pool', '--fill', '--size', '0')}`
            : `To bring them up to date or replace them, run: ${tenantsCommand('pool', '--fill')}`,
        ],
      }),
    ];
  },
};
