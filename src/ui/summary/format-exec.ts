import type { ExecReport } from '../../each-tenant/exec/types.js';
import { formatDuration } from '../../util/duration.js';
import { plural } from '../../util/format-count.js';
import { redact } from '../../util/redact.js';
import { clean } from '../text/clean.js';
import type { FormatContext } from '../text/format-context.js';
import { listed } from '../text/name-list.js';
import { createStyle } from '../text/style.js';

/** Lines of a tenant's program, each prefixed with the tenant's name. The program's output itself is not changed. */
export function prefixed(tenant: string, lines: readonly string[], context: FormatContext): string {
  const prefix = createStyle(context.color).cyan(`${clean(tenant)} |`);
  return lines.map((line) => `${prefix} ${line}\n`).join('');
}

/** The summary for people: how many programs succeeded, and how the others ended. */
export function formatExecSummary({ results, durationMs }: ExecReport, context: FormatContext): string {
  const style = createStyle(context.color);
  const endings = new Map<string, string[]>();
  for (const { tenant, exitCode, error } of results) {
    if (exitCode === 0) continue;
    const how = exitCode === null ? (error?.message ?? 'not started') : `exit code ${exitCode}`;
    const key = clean(redact(how.replaceAll(`"${tenant}"`, 'of its name')));
    endings.set(key, [...(endings.get(key) ?? []), tenant]);
  }
  const lines = [...endings].map(([how, tenants]) => {
    const names = listed(tenants, context.verbose ? tenants.length : 10);
    return `${style.red('✖')} ${style.bold(how)} — ${plural(tenants.length, 'tenant')}: ${names}`;
  });
  const succeeded = results.filter(({ exitCode }) => exitCode === 0).length;
  return [
    ...lines,
    `${succeeded} of ${plural(results.length, 'tenant')} succeeded (${formatDuration(durationMs)})`,
  ].join('\n');
}
