import type { FleetEvent } from '../../fleet/types.js';
import { formatDuration } from '../../util/duration.js';
import { formatCount, plural } from '../../util/format-count.js';
import { redact } from '../../util/redact.js';
import { clean } from '../text/clean.js';
import { listed } from '../text/name-list.js';

export type PhaseName = Extract<FleetEvent, { type: 'phase' }>['phase'];
type TenantResult = Extract<FleetEvent, { type: 'tenant:done' }>['result'];
type SharedResult = Extract<FleetEvent, { type: 'shared' }>['result'];
type Surveyed = Extract<FleetEvent, { type: 'surveyed' }>;

/** How many failures are printed as they happen; a broken migration must not bury the terminal or a log. */
const FAILURE_LIMIT = 100;

/** What each phase is called while it lasts. */
export const PHASE_TITLES: Record<PhaseName, string> = {
  connect: 'Connect',
  survey: 'Survey the fleet',
  compile: 'Compile migrations',
  shared: 'Shared schema',
  tenants: 'Tenants',
  verify: 'Check again for pending tenants',
};

/** With the wave, where there are several. */
export function phaseTitle({ phase, wave }: Pick<Extract<FleetEvent, { type: 'phase' }>, 'phase' | 'wave'>): string {
  return wave === undefined ? PHASE_TITLES[phase] : `${PHASE_TITLES[phase]}, wave ${wave.current} of ${wave.of}`;
}

export function surveyedTitle(event: Surveyed): string {
  const parts = [`${formatCount(event.upToDate)} up to date`, `${formatCount(event.pending)} pending`];
  if (event.blocked > 0) parts.push(`${formatCount(event.blocked)} blocked`);
  return `Surveyed ${plural(event.total, 'tenant')}: ${parts.join(', ')}, in ${plural(event.cohorts, 'cohort')}`;
}

export function sharedTitle(result: SharedResult): string {
  if (result.status === 'failed') return `${PHASE_TITLES.shared}: failed`;
  if (result.status === 'upToDate') return `${PHASE_TITLES.shared}: up to date`;
  if (result.status === 'skipped') return `${PHASE_TITLES.shared}: skipped`;
  return `${PHASE_TITLES.shared}: ${listed(result.migrations, 5)}`;
}

/** `acme · 0042_add_index · 23505 · could not create …`: the line that is printed as soon as a tenant fails. */
export function failureLine(
  tenant: string,
  migration: string | undefined,
  error: NonNullable<SharedResult['error']>,
): string {
  const parts = [tenant, migration ?? error.migration, error.sqlstate ?? error.code, error.message];
  return clean(redact(parts.filter(Boolean).join(' · ')));
}

/** The line about a tenant that did not fail, for verbose mode; `undefined` if nothing was changed. */
export function doneLine(result: TenantResult): string | undefined {
  if (result.status !== 'applied' && result.status !== 'rolledBack') return undefined;
  const verb = result.status === 'applied' ? 'applied' : 'rolled back';
  return clean(`${result.tenant} · ${verb} ${listed(result.migrations, 5)} · ${formatDuration(result.durationMs)}`);
}

/** Lets the first lines through and says once that the rest is only counted. */
export function limitFailures(print: (line: string) => void): (line: string) => void {
  let printed = 0;
  return (line) => {
    printed++;
    if (printed <= FAILURE_LIMIT) print(line);
    if (printed === FAILURE_LIMIT + 1) print('Further failures are only counted here; the summary has them all.');
  };
}
