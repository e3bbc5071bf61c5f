import type { FleetEvent } from '../../fleet/types.js';

/** Why a tenant was left as it was although it had work to do; see `NotExecutedReason` of the executors. */
export type NotExecutedReason = Extract<FleetEvent, { type: 'stopping' }>['reason'];

const WORDS: Record<NotExecutedReason, string> = {
  sharedFailed: 'the shared schema failed',
  canaryFailed: 'the first tenant of their cohort failed',
  failFast: 'a tenant failed and --fail-fast was given',
  maxFailures: 'the limit of --max-failures was reached',
  interrupted: 'the run was interrupted',
  lockLost: 'the lock of the run was lost',
  unreachable: 'the database could not be reached any more',
  executorFailed: 'the executor gave up',
};

/** Follows "because". */
export function describeReason(reason: NotExecutedReason): string {
  return WORDS[reason];
}

/** What a reader of the progress is told when work stops being handed out. */
export function stoppingLine(reason: NotExecutedReason): string {
  if (reason === 'canaryFailed') return 'The first tenant of a cohort failed: the rest of that cohort is left out.';
  return `No more tenants are started, because ${WORDS[reason]}; running ones finish.`;
}
