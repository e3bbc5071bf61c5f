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
};

/** Global flags that are followed by a value. */
const WITH_VALUE = new Set(['--config', '--database', '--env-file']);

const HELP = new Set(['--help', '-h']);

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
  if (name === 'help') return { ...common, command: after[0], argv: [], help: true };
  return { ...common, command: name, argv: [...before, ...after], help: own.some((word) => HELP.has(word)) };
}

function commandPosition(argv: readonly string[]): number {
  let position = 0;
  while (argv[position]?.startsWith('-') === true && argv[position] !== '--') {
    position += WITH_VALUE.has(argv[position] ?? '') ? 2 : 1;
  }
  return Math.min(position, argv.length);
}
