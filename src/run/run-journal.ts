import { CANCELED_CHECK_MS } from '../db/restart.js';
import { planNames } from '../engine/plan.js';
import { EXIT } from '../errors/codes.js';
import { isTenantsError } from '../errors/tenants-error.js';
import { surveySchemas } from '../fleet/survey.js';
import { completeInterrupted } from '../journal/complete/complete-interrupted.js';
import { findJournal } from '../journal/place/open-for-reading.js';
import type { PlannedTenants, ReadPlaces } from '../journal/types.js';
import { RunJournal } from '../journal/write/run-journal.js';
import type { Project } from '../project/project.js';
import type { LockedSession } from '../session/control-session.js';
import { limitAfterAbort } from '../util/after-abort.js';
import { isWholeFleet } from './assert-options.js';
import type { RunDirection } from './direction.js';
import type { PlannedCohort } from './dispatch.js';
import { exitCodeOf } from './report.js';
import type { MigrateOptions, MigrateReport } from './types.js';

/** The record of a run, for later. It is written by the control connection of the moment. */
export function createJournal(
  project: Project,
  session: LockedSession,
  command: RunDirection['command'],
  { selection, invocation }: MigrateOptions,
): RunJournal {
  return new RunJournal(project, () => session.client, {
    command,
    wholeFleet: isWholeFleet({ selection }),
    invocation,
  });
}

/** Does the work of a run, and ends its record with what it reports, or with the error that ended it. */
export async function recorded(
  journal: RunJournal,
  { invocation, cancel }: Pick<MigrateOptions, 'invocation' | 'cancel'>,
  work: () => Promise<MigrateReport>,
): Promise<MigrateReport> {
  let report: MigrateReport;
  try {
    report = await work();
  } catch (error) {
    const exitCode = invocation?.signalExitCode() ?? (isTenantsError(error) ? error.exitCode : EXIT.failed);
    await limitAfterAbort(journal.fail(error, exitCode), cancel, CANCELED_CHECK_MS, () => undefined);
    throw error;
  }
  const bySignal = report.interrupted ? invocation?.signalExitCode() : undefined;
  const ended = journal.end({
    exitCode: bySignal ?? exitCodeOf(report),
    counts: report.tenants,
    shared: report.shared,
    results: report.results,
  });
  await limitAfterAbort(ended, cancel, CANCELED_CHECK_MS, () => undefined);
  return { ...report, run: journal.run, warnings: [...report.warnings, ...journal.warnings] };
}

/** Completes the records of runs that were ended from outside, for a run that goes by them. */
export async function completeRecords(project: Project, session: LockedSession): Promise<void> {
  const place = await findJournal(session.client, project);
  if (place === undefined) return;
  const readPlaces = placesReader(project, session);
  await completeInterrupted({
    project,
    client: session.client,
    place,
    before: Number.MAX_SAFE_INTEGER,
    readPlaces,
  });
}

/** Reads where schemas stand, for the records of runs that were ended from outside. */
export function placesReader(project: Project, session: LockedSession): ReadPlaces {
  return async (schemas) => {
    const { database, migrationsTable } = project;
    const surveyed = await surveySchemas(session.client, database, schemas, migrationsTable, { connections: 1 });
    return new Map(
      surveyed.map(({ schema, oid, applied, error }) => [schema, { oid, applied, readable: error === undefined }]),
    );
  };
}

/** What a round hands out, as the journal keeps it. */
export function plannedTenants(cohorts: readonly PlannedCohort[]): PlannedTenants[] {
  return cohorts.map(({ cohort, plan }) => ({
    type: cohort.type,
    applied: plan.applied,
    migrations: planNames(plan),
    members: cohort.members,
  }));
}
