import { relative } from 'node:path';

import { plural } from '../../util/format-count.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import type { ChangedFile, Comparison, RenamedFile } from './types.js';

/** Files that are described one by one. */
const SHOWN = 5;

/** What was edited or renamed since it was applied, in sentences, with the way to accept it. Pure. */
export function describeComparison(
  { changed, renamed }: Pick<Comparison, 'changed' | 'renamed'>,
  root: string,
): string[] {
  const rest = changed.length - SHOWN;
  return [
    ...changed.slice(0, SHOWN).map((one) => describeChanged(one, root)),
    ...(rest > 0 ? [`${plural(rest, 'more migration file')} were edited after they were applied.`] : []),
    ...(changed.length > 0
      ? [`To take ${changed.length === 1 ? 'it' : 'one'} for what was applied, run: ${acceptCommand(changed)}`]
      : []),
    ...renamed.map((one) => describeRenamed(one, root)),
  ];
}

/** `migrations/tenant/0003_x.sql was edited after it was applied, first to "acme" on 2026-11-20 14:02 UTC by deploy@ci in run 12.` */
export function describeChanged(changed: ChangedFile, root: string): string {
  const { file, schema, tenant, firstAppliedAt, firstAppliedBy, run, asFound, certain } = changed;
  const path = relative(root, file) || file;
  if (asFound) return `${path} was edited after it was applied and its checksum recorded.${certain ? '' : UNCERTAIN}`;
  const to = schema === 'shared' ? 'to the shared schema' : tenant === null ? '' : `first to "${tenant}"`;
  const when = firstAppliedAt === null ? '' : `on ${firstAppliedAt.slice(0, 16).replace('T', ' ')} UTC`;
  const by = firstAppliedBy === null ? '' : `by ${firstAppliedBy}`;
  const where = run === null ? '' : `in run ${run}`;
  const facts = [to, when, by, where].filter((part) => part !== '').join(' ');
  return `${path} was edited after it was applied${facts === '' ? '' : `, ${facts}`}.${certain ? '' : UNCERTAIN}`;
}

const UNCERTAIN = ' Only its text was compared: what it does may be the same, which plan finds out.';

export function describeRenamed({ from, file }: RenamedFile, root: string): string {
  const path = relative(root, file) || file;
  return `${path} is the migration ${from} under a new name: where ${from} is applied, the new name counts as another migration. Rename the file back.`;
}

function acceptCommand([first]: readonly ChangedFile[]): string {
  return tenantsCommand('checksums', '--accept', first?.migration ?? 'NAME');
}
