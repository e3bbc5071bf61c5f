import type { FleetEvent } from '../../fleet/types.js';

/** Why a tenant with pending work was not executed; see `NotExecutedReason` of the executors. */
export type NotExecutedReason = Extract<FleetEvent, { type: 'stopping' }>['reason'];

const WORDS: Record<NotExecutedReason, string> = {
  sharedFailed: 'the shared schema failed',
  canaryFailed: 'the first tenant of their cohort failed',
  failFast: 'a tenant failed and --fail-fast was given',
  maxFailures: 'the limit of --max-failures was reached',
  maxDuration: 'the time of --max-duration was over',
  window: 'the time of day had passed at which tenants are started',
  laterWave: 'their wave has not begun yet',
  interrupted: 'the run was interrupted',
  lockLost: 'the lock of the run was lost',
  unreachable: 'the database could no longer be reached',
  executorFailed: 'the executor failed',
};

/** Follows "because". */
export function describeReason(reason: NotExecutedReason): string {
  return WORDS[reason];
}

/** The progress message when no more tenants are started. */
export function stoppingLine(reason: NotExecutedReason): string {
  if (reason === 'canaryFailed') return 'The first tenant of a cohort failed: the rest of that cohort is left out.';
  return `No more tenants are started, because ${WORDS[reason]}; running ones finish.`;
}
