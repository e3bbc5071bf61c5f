import { closeClient, openClient } from '../db/connect.js';
import { readServer } from '../db/server.js';
import { EXIT } from '../errors/codes.js';
import { recordChange } from '../journal/write/change-journal.js';
import type { Project } from '../project/project.js';
import { explained, type LockedSession, withFleetLock } from '../session/control-session.js';
import { heedCancel } from '../session/heed-cancel.js';
import { prepareOwn } from '../session/prepare-own.js';
import { examine, examineOld, lookAtConnection, prepareExamination } from './examination.js';
import { repair } from './repairs/repair.js';
import type { Check, DoctorOptions, DoctorReport, Examination } from './types.js';

/**
 * Checks whether the server, the registry and the fleet are fit for migrations. Only reads and acquires no lock; a few
 * batched queries over at most a handful of connections, regardless of the size of the fleet.
 *
 * With `fix`, what can be repaired without losing data is repaired under the fleet lock, and everything is checked again: a
 * check that failed before and passes now is `fixed`. If a repair fails, its check stays wrong, with the reason, and the
 * other repairs continue.
 *
 * @throws TenantsError DATABASE_UNREACHABLE, DATABASE_REFUSED; errors of the configuration, such as a missing migrations
 *   directory; with `fix` also LOCKED, UNSAFE_POOLER and DATABASE_UNSUPPORTED.
 */
export async function doctor(project: Project, options: DoctorOptions = {}): Promise<DoctorReport> {
  options.onEvent?.({ type: 'phase', phase: 'connect' });
  return options.fix === true ? await examineAndFix(project, options) : await examineOnly(project, options);
}

/** Whether every check passed, or was fixed. */
export function isHealthy({ checks }: DoctorReport): boolean {
  return checks.every(({ ok }) => ok);
}

async function examineOnly(project: Project, options: DoctorOptions): Promise<DoctorReport> {
  const client = await openClient(project.database, 'doctor');
  try {
    const server = await readServer(client);
    const { supported, ownSession } = await lookAtConnection(client, server, project);
    if (!supported) return { checks: examineOld(server) };
    // Behind a pooler the setting would be another session's.
    if (ownSession) await prepareOwn(project, client, server);
    options.onEvent?.({ type: 'phase', phase: 'survey' });
    return {
      checks: await examine(await prepareExamination(project, { client, server }, ownSession, options.patienceMs)),
    };
  } catch (error) {
    throw explained(error);
  } finally {
    await closeClient(client);
  }
}

async function examineAndFix(project: Project, options: DoctorOptions): Promise<DoctorReport> {
  const { drain = new AbortController().signal, cancel, onEvent = (): void => {} } = options;
  const lock = { drain, cancel, onEvent };
  return await withFleetLock(project, 'doctor --fix', lock, async (session) => {
    const look = () =>
      heedCancel({ project, cancel }, session.client, async () => {
        const exam = await prepareExamination(project, session, true, options.patienceMs);
        return { exam, checks: await examine(exam) };
      });
    onEvent({ type: 'phase', phase: 'survey' });
    const { exam, checks: before } = await look();
    return await recordChange(
      project,
      () => session.client,
      {
        command: 'doctor --fix',
        invocation: options.invocation,
        onWarning: (message) => onEvent({ type: 'warning', message }),
        summarize,
      },
      () => fix(exam, before, session, options, look),
    );
  });
}

/** What the record says: how many checks were fixed, and how many are still wrong. */
function summarize(report: DoctorReport): { exitCode: number; counts: Record<string, number> } {
  const { checks } = report;
  const fixed = checks.filter((check) => check.fixed).length;
  const failed = checks.filter(({ ok }) => !ok).length;
  return { exitCode: isHealthy(report) ? EXIT.ok : EXIT.failed, counts: { total: checks.length, fixed, failed } };
}

async function fix(
  exam: Examination,
  before: Check[],
  session: LockedSession,
  options: DoctorOptions,
  look: () => Promise<{ checks: Check[] }>,
): Promise<DoctorReport> {
  const repairs = await repair(exam, before, session, options);
  if (repairs.size === 0) return { checks: before };
  options.onEvent?.({ type: 'phase', phase: 'verify' });
  // What was canceled is not looked at again; what was repaired before that stands in the report all the same.
  const { checks: after } = options.cancel?.aborted === true ? { checks: before } : await look();
  return {
    checks: after.map((check) => {
      const { done = [], failures = [] } = repairs.get(check.name) ?? {};
      return {
        ...check,
        fixed: check.ok && done.length > 0,
        ...(done.length > 0 ? { done } : {}),
        ...(failures.length > 0 ? { failures } : {}),
      };
    }),
  };
}
