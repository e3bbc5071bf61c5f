/** What is read from the arguments before the flags are parsed. */
export type CommandLine = {
  /** `undefined` if no command is given. */
  command: string | undefined;
  /** The arguments of the command. */
  argv: string[];
  /** `--json` was passed: in every case, stdout gets one JSON document. */
  json: boolean;
  verbose: boolean;
  noColor: boolean;
  help: boolean;
  /** `version`, `--version`, `-v` or `-V` in place of a command. */
  version: boolean;
  /** Flags before the command that are not global ones, without their values: `--databse=` may hold a password. */
  unknownFlags: string[];
};

/** Global flags that are followed by a value. */
const WITH_VALUE = new Set(['--config', '--database', '--env-file', '--connect-wait']);

const HELP = new Set(['--help', '-h']);

const VERSION = new Set(['--version', '-v', '-V']);

/** What may stand before a command. */
export const GLOBAL_FLAGS = [...WITH_VALUE, ...HELP, ...VERSION, '--json', '--verbose', '--no-color'];

/**
 * Finds the command. Global flags may come before it (`tenants --json status`) and are passed to the command as if they
 * followed it. `tenants help migrate` is `tenants migrate --help`. Arguments after `--` are ignored.
 */
export function readCommandLine(argv: readonly string[]): CommandLine {
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  const position = commandPosition(argv);
  const before = argv.slice(0, position);
  const [name, ...after] = argv.slice(position);
  const says = (...flags: string[]): boolean => own.some((word) => flags.includes(word));
  const common = { json: says('--json'), verbose: says('--verbose'), noColor: says('--no-color') };
  const flags = before
    .filter((word, index) => word.startsWith('-') && !WITH_VALUE.has(before[index - 1] ?? ''))
    .map((word) => word.replace(/=.*$/s, ''));
  const leading = {
    version: name === 'version' || (name === undefined && flags.some((flag) => VERSION.has(flag))),
    unknownFlags: flags.filter((flag) => !GLOBAL_FLAGS.includes(flag)),
  };
  if (name === 'help') return { ...common, ...leading, command: after[0], argv: [], help: true };
  const help = own.some((word) => HELP.has(word));
  return { ...common, ...leading, command: name, argv: [...before, ...after], help };
}

function commandPosition(argv: readonly string[]): number {
  let position = 0;
  while (argv[position]?.startsWith('-') === true && argv[position] !== '--') {
    position += WITH_VALUE.has(argv[position] ?? '') ? 2 : 1;
  }
  return Math.min(position, argv.length);
}
