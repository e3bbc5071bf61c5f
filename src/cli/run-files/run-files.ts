import { EXIT } from '../../errors/codes.js';
import { isTenantsError, TenantsError } from '../../errors/tenants-error.js';
import type { FleetEvent } from '../../fleet/types.js';
import { gitCommit } from '../../journal/write/git-commit.js';
import { whoRuns } from '../../journal/write/who.js';
import { toErrorJson } from '../../ui/error/format-error.js';
import { clean } from '../../ui/text/clean.js';
import { redact } from '../../util/redact.js';
import { outputOptions, printMessage } from '../output.js';
import { signalExitCode } from '../signals.js';
import { EVENTS_VERSION, openEventStream } from './event-stream.js';
import { assertReportFile, reportDocument, writeReportFile } from './report-file.js';

export type RunFileFlags = { report?: string | undefined; events?: string | undefined };

/** The files that a run writes beside its result. */
export type RunFiles = {
  /** Standard output has the events and nothing else. */
  ownsStdout: boolean;
  /** For the listeners of a run. */
  handle(event: FleetEvent): void;
  /** Ends the files with the document of the command. Throws nothing: the run is over, and its result must be printed. */
  end(document: object & { exitCode: number }): Promise<void>;
  /** Ends the files of a run that failed as a whole. */
  fail(error: unknown): Promise<void>;
};

/**
 * Opens the files of `--report` and `--events` before anything is touched.
 *
 * @param writePage writes the page about the fleet, for a report that ends in `.html`
 * @throws TenantsError USAGE when one of them cannot be written
 */
export async function openRunFiles(
  { command, commandLine, cwd }: { command: string; commandLine: string; cwd: string },
  flags: RunFileFlags,
  writePage: (path: string) => Promise<unknown>,
): Promise<RunFiles> {
  const ownsStdout = flags.events === '-';
  if (ownsStdout && outputOptions().json) {
    throw new TenantsError('USAGE', '--events - and --json cannot be combined: both write to standard output.');
  }
  const file = flags.report === undefined ? undefined : await assertReportFile(flags.report, cwd);
  const stream = flags.events === undefined ? undefined : openEventStream(flags.events);
  const startedAt = Date.now();
  const starts = new Map<string, number>();
  stream?.write({ type: 'run:start', version: EVENTS_VERSION, command, commandLine });

  const end: RunFiles['end'] = async (document) => {
    if (file === undefined && stream === undefined) return;
    const [who, commit] = await Promise.all([whoRuns(), gitCommit(cwd)]);
    const facts = { ...who, commit, commandLine, startedAt, finishedAt: Date.now(), starts };
    const report = reportDocument(document, facts);
    stream?.write({ type: 'run:end', exitCode: document.exitCode, report });
    stream?.close();
    if (file === undefined) return;
    const written = file.kind === 'html' ? writePage(file.path) : writeReportFile(file.path, report);
    await written.catch((error: Error) => {
      printMessage(`Warning: The report could not be written: ${clean(redact(error.message.replace(/\.$/, '')))}.`);
    });
  };
  return {
    ownsStdout,
    handle: (event) => {
      if (event.type === 'tenant:start') starts.set(event.tenant, Date.now());
      stream?.write(event);
    },
    end,
    fail: async (error) => {
      const known = isTenantsError(error) ? error.exitCode : EXIT.failed;
      const failed = { command, exitCode: signalExitCode() ?? known, ...toErrorJson(error) };
      await end(failed);
    },
  };
}
