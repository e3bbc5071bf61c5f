import type { PlanReport } from '../../run/types.js';
import { plural } from '../../util/format-count.js';
import { redact } from '../../util/redact.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { clean, cleanLines } from '../text/clean.js';
import type { FormatContext } from '../text/format-context.js';
import { listed } from '../text/name-list.js';
import { createStyle, type Style } from '../text/style.js';
import { blockedTenantLines } from './blocked-tenants.js';
import { fleetLine, nodesLine, sharedLine } from './format-status.js';
import { planFindingLines } from './lint/format-lint.js';
import { phaseLines } from './phase-lines.js';

type Cohort = PlanReport['cohorts'][number];

/** What `migrate` would do, cohort by cohort, the largest first; with the SQL if the report contains it. */
export function formatPlan(report: PlanReport, context: FormatContext): string {
  const style = createStyle(context.color);
  const running = report.cohorts.filter(({ pending }) => pending.length > 0).sort((a, b) => b.count - a.count);
  const others = report.cohorts.filter(({ pending }) => pending.length === 0);
  const sections = [
    [
      sharedLine(report.shared, style, context),
      ...sharedDetail(report.shared, style),
      fleetLine(report.tenants, style),
    ],
    ...running.map((cohort) => cohortLines(cohort, context, style)),
    report.nodes === undefined || report.nodes.length === 0 ? [] : [nodesLine(report.nodes)],
    blockedTenantLines(others, style, context),
    waveLines(report.rollout, style),
    phaseLines(report.phase, style),
    planFindingLines(report.findings, style, tenantsCommand('lint')),
    report.warnings.map((text) => `${style.yellow('Warning:')} ${clean(redact(text))}`),
  ];
  if (running.length === 0 && report.shared.pending.length === 0) sections.push(['Nothing to run.']);
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function sharedDetail({ pending, post, mode, sql }: PlanReport['shared'], style: Style): string[] {
  const lines = pending.map((name) => migrationLine(name, post, style));
  const how = mode === 'direct' ? [`  ${style.dim('direct: its SQL is known only when it runs')}`] : [];
  return [...lines, ...how, ...sqlLines(sql)];
}

function cohortLines(cohort: Cohort, { verbose }: FormatContext, style: Style): string[] {
  const type = cohort.type === null ? '' : ` of type ${clean(cohort.type)}`;
  const at = cohort.last === null ? 'without migrations' : `at ${clean(cohort.last)}`;
  const place = cohort.state === 'missing' ? 'without a schema' : at;
  const lines = [
    style.bold(
      `${plural(cohort.count, 'tenant')}${type} ${place}: ${plural(cohort.pending.length, 'migration')} to run (${cohort.mode})`,
    ),
    `  ${style.dim('Tenants:')} ${listed(cohort.tenants, verbose ? cohort.tenants.length : 5, cohort.count)}`,
    ...cohort.pending.map((name) => migrationLine(name, cohort.post, style)),
    ...(cohort.reasons ?? []).map((reason) => `  ${style.yellow('direct because:')} ${clean(redact(reason))}`),
  ];
  return [...lines, ...sqlLines(cohort.sql)];
}

const WAVES_SHOWN = 20;

/** Which tenants each wave reaches, from the one with which the next run begins. */
function waveLines(rollout: PlanReport['rollout'], style: Style): string[] {
  if (rollout === undefined) return [];
  const { current, of, waves } = rollout;
  if (waves.length === 0) return [`Rollout: all ${of} waves are over`];
  const lines = waves.slice(0, WAVES_SHOWN).map(({ count, tenants }, index) => {
    const due =
      tenants.length === 0 ? 'nothing to run' : `${plural(tenants.length, 'tenant')} to migrate: ${listed(tenants, 5)}`;
    return `  ${index + 1 === current ? style.bold(`Wave ${current}`) : `Wave ${index + 1}`}, ${plural(count, 'tenant')}: ${due}`;
  });
  return [
    `Rollout: the next run begins with wave ${current} of ${of}`,
    ...lines,
    ...(waves.length > WAVES_SHOWN ? [`  and ${plural(waves.length - WAVES_SHOWN, 'more wave')}`] : []),
  ];
}

function migrationLine(name: string, post: readonly string[] | undefined, style: Style): string {
  return `  + ${clean(name)}${post?.includes(name) === true ? style.dim(' (post)') : ''}`;
}

function sqlLines(sql: string | undefined): string[] {
  return sql === undefined
    ? []
    : ['', ...cleanLines(redact(sql.trim())).map((line) => (line === '' ? '' : `    ${line}`))];
}
