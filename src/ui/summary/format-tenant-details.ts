import type { TenantDetail } from '../../fleet/types.js';
import { plural } from '../../util/format-count.js';
import { clean } from '../text/clean.js';
import type { FormatContext } from '../text/format-context.js';
import { createStyle } from '../text/style.js';

/** Maximum number of migrations that are listed for a tenant; the oldest are omitted. */
const APPLIED_SHOWN = 10;

const STATES: Readonly<Record<TenantDetail['state'], string>> = {
  upToDate: 'up to date',
  pending: 'pending',
  ahead: 'ahead of the files',
  outOfOrder: 'out of order',
  missing: 'no schema',
  unreadable: 'cannot be read',
  unknownType: 'of a type that is not in the configuration',
};

/** Tenants one by one: what is applied and when, and what is pending. All of it in verbose mode, otherwise the latest. */
export function detailLines(details: readonly TenantDetail[], context: FormatContext): string[] {
  const style = createStyle(context.color);
  return details.flatMap(({ tenant, type, state, applied, pending, post = [], unknown = [], gap, rows, node }) => {
    const paint = state === 'upToDate' ? style.green : style.yellow;
    // What is wrong is always shown.
    const wrong = applied.findIndex(({ name }) => name === gap?.found || unknown.includes(name));
    const from = context.verbose ? 0 : Math.max(0, applied.length - APPLIED_SHOWN);
    const shown = applied.slice(wrong === -1 ? from : Math.min(from, wrong));
    const earlier = applied.length - shown.length;
    return [
      `${style.bold(clean(tenant))}${type === null ? '' : ` (type ${clean(type)})`}: ${paint(rows === true ? 'rows in shared tables' : STATES[state])}${node === undefined || node === null ? '' : ` on ${clean(node)}`}`,
      ...(earlier > 0 ? [style.dim(`  ${plural(earlier, 'earlier migration')}; --verbose shows them`)] : []),
      ...shown.flatMap(({ name, runOn }) => {
        const time = style.dim((runOn ?? '').replace('T', ' ').padEnd(23));
        const line = `${time} ${clean(name)}`;
        if (unknown.includes(name)) return [`  ${style.yellow('!')} ${line} ${style.yellow('(not on disk)')}`];
        if (name !== gap?.found) return [`  ${style.green('✔')} ${line}`];
        return [
          `  ${style.yellow('!')} ${''.padEnd(23)} ${clean(gap.expected)} ${style.yellow('(the files have it here)')}`,
          `  ${style.green('✔')} ${line}`,
        ];
      }),
      ...pending.map(
        (name) =>
          `  ${style.yellow('+')} ${''.padEnd(23)} ${clean(name)}${post.includes(name) ? style.dim(' (post)') : ''}`,
      ),
    ];
  });
}
