import type { Interfaces } from '@oclif/core';
import { Command } from '@oclif/core/command';

import { exitNow } from './cli/exit-guard.js';
import { globalFlags } from './cli/flags.js';
import { askForMissing } from './cli/missing-arguments.js';
import { formatContext, printMessage, printResult, outputOptions } from './cli/output.js';
import { recordedCommand } from './cli/recorded-command.js';
import type { RunFileFlags } from './cli/run-files/run-files.js';
import { signalExitCode, type SignalWatch, watchSignals } from './cli/signals.js';
import type { LoadedProject } from './config/loaded-project.js';
import type { SettingOverrides } from './config/settings.js';
import { EXIT } from './errors/codes.js';
import { TenantsError } from './errors/tenants-error.js';
import type { FleetEvent } from './fleet/types.js';
import type { Invocation } from './journal/types.js';
import type { OpenProject } from './open-project.js';
import type { Progress } from './ui/progress/types.js';
import { clean } from './ui/text/clean.js';
import type { FormatContext } from './ui/text/format-context.js';
import { redact, redactDeep } from './util/redact.js';

/** The global flags that say where the project is. */
type ProjectFlags = {
  config?: string | undefined;
  database?: string | undefined;
  'env-file'?: string | undefined;
  'connect-wait'?: string | undefined;
};

/** What a run has done: its exit code but for a signal, a document that has the exit code, and text for people. */
export type RunResult = {
  report: { interrupted: boolean; warnings: readonly string[] };
  exitCode: number;
  document: (exitCode: number) => object & { exitCode: number };
  format: (context: FormatContext) => string;
};

/** Signals that stop a change, and the listener for its progress. */
export type ChangeControl = Pick<SignalWatch, 'drain' | 'cancel'> & {
  onEvent: (event: FleetEvent) => void;
  /** What the record of the run says about how it was started. */
  invocation: Invocation;
};

/** Takes the progress off the terminal for a question. */
export type Suspend = <T>(use: () => Promise<T>) => Promise<T>;

/**
 * The flow of every command: parse, load, open the database, do one thing, close, print. `run` returns the exit code; what
 * it throws is printed by `main`, as text or as the one JSON document.
 *
 * A command loads what it works with when it runs, so that help and mistakes are answered at once.
 */
export abstract class BaseCommand extends Command {
  static override baseFlags = globalFlags;

  abstract override run(): Promise<number>;

  /** oclif's own sets exit codes and prints. */
  protected override catch(error: Error): Promise<never> {
    return Promise.reject(error);
  }

  /** As in oclif, but prompts for a missing argument on a terminal. */
  protected override async parse<
    F extends Interfaces.OutputFlags<Interfaces.FlagInput>,
    B extends Interfaces.OutputFlags<Interfaces.FlagInput>,
    A extends Interfaces.OutputArgs<Interfaces.ArgInput>,
  >(options?: Interfaces.Input<F, B, A>, argv: string[] = this.argv): Promise<Interfaces.ParserOutput<F, B, A>> {
    try {
      return await super.parse(options, argv);
    } catch (error) {
      const complete = await askForMissing(error, argv);
      if (complete === undefined) throw error;
      return await super.parse(options, complete);
    }
  }

  /** The configuration, with flags before the environment before the file. Its warnings go to stderr. */
  protected async load(flags: ProjectFlags, settings: SettingOverrides = {}): Promise<LoadedProject> {
    const { loadProject } = await import('./config/load.js');
    const project = await loadProject({
      cwd: process.cwd(),
      env: process.env,
      configFile: flags.config,
      envFile: flags['env-file'],
      flags: { ...settings, database: flags.database, connectWait: flags['connect-wait'] },
    });
    warn(project.warnings);
    // Where people type, they also complete.
    if (process.stderr.isTTY) {
      const { rememberProject } = await import('./cli/completion/names.js');
      await rememberProject({ cwd: process.cwd(), env: process.env }).catch(() => {});
    }
    return project;
  }

  /** Work that only reads: a signal ends it immediately. */
  protected async read<T>(loaded: LoadedProject, work: (project: OpenProject) => Promise<T>): Promise<T> {
    const { borrowProject } = await import('./cli/borrow-project.js');
    let stop: (reason: Error) => void = () => {};
    const waiting = new AbortController();
    const stopped = new Promise<never>((_, reject) => (stop = reject));
    stopped.catch(() => {});
    const signals = watchSignals({
      reports: false,
      onDrain: () => {
        waiting.abort();
        stop(interrupted());
      },
      onCancel: () => {},
      onGiveUp: exitNow,
    });
    try {
      return await borrowProject(loaded, waiting.signal, (project) => Promise.race([stopped, work(project)]));
    } finally {
      signals.stop();
    }
  }

  /** Work that changes something and shows its progress: the first signal lets it finish, the second cancels it. */
  protected async change<T>(
    loaded: LoadedProject,
    work: (project: OpenProject, control: ChangeControl, suspend: Suspend) => Promise<T>,
    listen: (event: FleetEvent) => void = () => {},
  ): Promise<T> {
    const { borrowProject } = await import('./cli/borrow-project.js');
    const { createProgress } = await import('./ui/progress/progress.js');
    const { isTTY } = process.stderr;
    const show = (): Progress =>
      createProgress({ stream: process.stderr, isTTY, ...outputOptions(), ...formatContext(process.stderr) });
    let progress = show();
    const suspend: Suspend = async (use) => {
      await progress.stop('done');
      try {
        return await use();
      } finally {
        progress = show();
      }
    };
    const onEvent = (event: FleetEvent): void => {
      progress.handle(event);
      listen(event);
    };
    const say = (message: string): void => onEvent({ type: 'warning', message });
    const { drain, cancel, stop } = watchSignals({
      reports: true,
      onDrain: (signal) => say(`Finishing running work; ${AGAIN[signal] ?? `send ${signal} again`} to cancel it.`),
      onCancel: () => say('Canceling running work; press Ctrl-C once more to exit immediately.'),
      onGiveUp: exitNow,
    });
    try {
      return await borrowProject(loaded, drain, async (project) => {
        if (drain.aborted) throw interrupted();
        const how = recordedCommand(this.id, this.argv);
        const result = await work(project, { drain, cancel, onEvent, invocation: how }, suspend);
        await progress.stop('done');
        return result;
      });
    } finally {
      await progress.stop('failed');
      stop();
    }
  }

  /**
   * A run whose result is printed, and written to the files that were asked for.
   *
   * @param run does the work, and says what its result is as a document and as text
   */
  protected async changeAndPrint(
    loaded: LoadedProject,
    flags: RunFileFlags,
    run: (project: OpenProject, control: ChangeControl, suspend: Suspend) => Promise<RunResult>,
  ): Promise<number> {
    const { openRunFiles } = await import('./cli/run-files/run-files.js');
    const { commandLine } = recordedCommand(this.id, this.argv);
    const called = { command: this.id ?? '', commandLine, cwd: process.cwd() };
    const files = await openRunFiles(called, flags, async (path) => {
      const { writeFleetPage } = await import('./fleet-page/write-fleet-page.js');
      await this.read(loaded, (project) => writeFleetPage(project, path));
    });
    let result: RunResult;
    try {
      result = await this.change(loaded, run, files.handle);
    } catch (error) {
      await files.fail(error);
      throw error;
    }
    const { report, format } = result;
    const exitCode = (report.interrupted ? signalExitCode() : undefined) ?? result.exitCode;
    const document = result.document(exitCode);
    await files.end(document);
    if (files.ownsStdout) {
      printMessage(format(formatContext(process.stderr)));
      return exitCode;
    }
    this.remark(report.warnings);
    return this.print(document, format, exitCode);
  }

  /** Warnings that the text of a result contains but its JSON document does not. */
  protected remark(warnings: readonly string[]): void {
    if (outputOptions().json) warn(warnings);
  }

  /** Like `print`, for the password that was asked for: nothing is masked. */
  protected printSecret(document: unknown, format: (context: FormatContext) => string): number {
    printResult(outputOptions().json ? JSON.stringify(document) : format(formatContext(process.stdout)));
    return EXIT.ok;
  }

  /** Prints the result, as a document or as text, and returns the exit code. */
  protected print(document: unknown, format: (context: FormatContext) => string, exitCode: number = EXIT.ok): number {
    const asText = (): string => format(formatContext(process.stdout));
    printResult(outputOptions().json ? JSON.stringify(redactDeep(document)) : asText());
    return exitCode;
  }
}

/** How a person sends a signal again. */
const AGAIN: Partial<Record<NodeJS.Signals, string>> = { SIGINT: 'press Ctrl-C again' };

function warn(warnings: readonly string[]): void {
  for (const warning of warnings) printMessage(`Warning: ${clean(redact(warning))}`);
}

function interrupted(): TenantsError {
  return new TenantsError('INTERRUPTED', 'Interrupted before the end; nothing was changed.');
}
