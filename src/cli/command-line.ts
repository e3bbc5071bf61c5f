/** What the arguments say before any flag is parsed. */
export type CommandLine = {
  /** `undefined` when no command is named. */
  command: string | undefined;
  /** What the command is given. */
  argv: string[];
  /** `--json` is among them: whatever happens, stdout gets one JSON document. */
  json: boolean;
  verbose: boolean;
  noColor: boolean;
  help: boolean;
};

/** Global flags that are followed by a value. */
const WITH_VALUE = new Set(['--config', '--database', '--env-file']);

const HELP = new Set(['--help', '-h']);

/**
 * Finds the command. Global flags may stand before it (`tenants --json status`); they are handed to the command as if
 * they had stood behind it. `tenants help migrate` is `tenants migrate --help`. What follows `--` is not looked at.
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
