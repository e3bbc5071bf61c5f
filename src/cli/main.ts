import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { EXIT } from '../errors/codes.js';
import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import { formatError, toErrorJson } from '../ui/error/format-error.js';
import { didYouMean, nearestNames } from '../util/nearest.js';
import { setInvocation, tenantsCommand } from '../util/tenants-command.js';
import { type CommandLine, GLOBAL_FLAGS, readCommandLine } from './command-line.js';
import { COMMAND_NAMES, isCommandName } from './command-names.js';
import { forbidExit } from './exit-guard.js';
import { findInvocation } from './invocation.js';
import {
  beginOutput,
  flushStreams,
  formatContext,
  guardStreams,
  hasResult,
  outputOptions,
  printMessage,
  printResult,
} from './output.js';
import type { VersionDocument } from './schemas/document-types.js';
import { drainWork, signalExitCode } from './signals.js';

/** The package's folder, which is the same path from `dist/cli` and from `src/cli`. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Runs the command line and returns the exit code once everything has been printed. All errors are reported here: on stderr
 * for people, or as the JSON document on stdout with `--json`.
 *
 * @param commands a module with the commands, in place of the built one
 */
export async function main(argv: readonly string[], commands?: string): Promise<number> {
  const line = readCommandLine(argv);
  beginOutput(line);
  const { env, versions } = process;
  setInvocation(() => findInvocation({ root: ROOT, cwd: process.cwd(), env, pnp: versions['pnp'] !== undefined }));
  let code: number;
  const crash = watchForCrash();
  const allowExit = forbidExit();
  try {
    code = await Promise.race([crash.happened, run(line, argv, commands)]);
    for (const error of crash.drained) printMessage(formatError(error, formatContext(process.stderr)));
    if (code === EXIT.ok && crash.drained.length > 0) code = EXIT.failed;
  } catch (error) {
    code = report(error, line);
    const { closeProjects } = await import('./borrow-project.js');
    await closeProjects();
  }
  const lost = await flushStreams();
  crash.stop();
  allowExit();
  if (lost === undefined) return code;
  printMessage(
    formatError(
      new TenantsError('UNEXPECTED', `The result could not be written: ${lost.message}.`),
      formatContext(process.stderr),
    ),
  );
  return code === EXIT.ok ? EXIT.failed : code;
}

type CrashWatch = {
  /** Rejects with an error that ends the command. */
  happened: Promise<never>;
  /** Errors after which the work was drained, so that it could report what it had done. */
  readonly drained: unknown[];
  stop: () => void;
};

/**
 * Catches what migrations, hooks and configuration files do outside any call: unhandled rejections, errors in timers, and promises that
 * nothing will ever settle, with which the process would end without a word.
 */
function watchForCrash(): CrashWatch {
  const drained: unknown[] = [];
  let stop = (): void => {};
  const happened = new Promise<never>((_, reject) => {
    const crash = (error: unknown): void => {
      if (drainWork(EXIT.failed)) drained.push(error);
      else reject(error as Error);
    };
    const idle = (): void => reject(nothingLeft());
    process.on('uncaughtException', crash);
    process.on('beforeExit', idle);
    stop = () => {
      process.off('uncaughtException', crash);
      process.off('beforeExit', idle);
    };
  });
  return { happened, drained, stop: () => stop() };
}

function nothingLeft(): TenantsError {
  return new TenantsError('UNEXPECTED', 'The command waits for something that will never happen.', {
    suggestions: ['Look for a promise in the configuration, a hook or a migration that is never resolved.'],
  });
}

async function run(line: CommandLine, argv: readonly string[], commands: string | undefined): Promise<number> {
  const { command } = line;
  // A shell waits for this: nothing else is loaded.
  const kind = command === 'completion' ? nameKindOf(line.argv) : undefined;
  if (kind !== undefined) return await printNames(kind);
  if (line.version) return await printVersion(line.json);
  guardStreams();
  if (command === undefined && line.unknownFlags.length > 0) throw unknownFlag(line.unknownFlags);
  if (command === undefined && line.json && !line.help) {
    throw new TenantsError('USAGE', 'No command was given.', { suggestions: [seeHelp()] });
  }
  if (command !== undefined && !isCommandName(command)) throw unknownCommand(command);
  const { startOclif } = await import('./oclif.js');
  const oclif = await startOclif(ROOT, commands);
  return command === undefined || line.help ? await oclif.help(command) : await oclif.run(command, line.argv);
}

/** `completion --names tenants`, which only the completion scripts say. */
function nameKindOf(argv: readonly string[]): string | undefined {
  return argv[0] === '--names' ? argv[1] : undefined;
}

async function printNames(wanted: string): Promise<number> {
  const { keptNames, NAME_KINDS, refreshInBackground } = await import('./completion/names.js');
  const kind = NAME_KINDS.find((name) => name === wanted);
  if (kind === undefined) return EXIT.usage;
  const refresh = (): void => refreshInBackground(`${ROOT}/bin/run.js`);
  printResult((await keptNames(kind, { cwd: process.cwd(), env: process.env }, refresh)).join('\n'));
  return EXIT.ok;
}

async function printVersion(asJson: boolean): Promise<number> {
  const { name, version } = JSON.parse(await readFile(`${ROOT}/package.json`, 'utf8')) as VersionDocument;
  const document = {
    name,
    version,
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
  } satisfies VersionDocument;
  printResult(asJson ? JSON.stringify(document) : `${name}/${version} ${document.platform} node-${document.node}`);
  return EXIT.ok;
}

const seeHelp = (): string => `To see all commands, run: ${tenantsCommand('--help')}`;

function unknownFlag(flags: readonly string[]): TenantsError {
  const near = flags.flatMap((flag) => nearestNames(flag, GLOBAL_FLAGS));
  return new TenantsError('USAGE', `Unknown flag ${flags.join(', ')}, and no command was given.`, {
    suggestions: [...didYouMean([...new Set(near)]), seeHelp()],
  });
}

function unknownCommand(command: string): TenantsError {
  return new TenantsError('USAGE', `There is no command "${command}".`, {
    suggestions: [...didYouMean(nearestNames(command, [...COMMAND_NAMES, 'help', 'version'])), seeHelp()],
  });
}

/** After a signal, its exit code takes precedence over the error's: the interruption explains the failure. */
function report(error: unknown, { json }: CommandLine): number {
  if ((json || outputOptions().json) && !hasResult()) printResult(JSON.stringify(toErrorJson(error)));
  else printMessage(formatError(error, formatContext(process.stderr)));
  return signalExitCode() ?? (isTenantsError(error) ? error.exitCode : EXIT.failed);
}
