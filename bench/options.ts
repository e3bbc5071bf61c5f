import { parseArgs } from 'node:util';

export const SCENARIOS = ['noop', 'one', 'all', 'create', 'status', 'plan', 'startup'] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** What the fleet's tenants look like: so many migrations, each of which makes so many tables. */
export type Shape = { migrations: number; tables: number };

export type Options = {
  /** Sizes of fleets, measured one after the other. */
  tenants: number[];
  /** At most so many tenants in the scenario `all`. */
  allTenants: number;
  scenarios: Scenario[];
  shape: Shape;
  /** Migrations of the tenant that the scenario `create` makes. */
  createMigrations: number;
  executors: string[];
  connections: number;
  /** ms of round-trip time that are added. */
  latencies: number[];
  repetitions: number;
  /** Tenants that a contender with a process per tenant is run on. */
  sample: number;
  commandLine: boolean;
  /** Only contenders whose name has one of these words in it. */
  only: string[];
  /** URL of a server; otherwise an embedded one is started. */
  database: string | undefined;
  json: string | undefined;
  markdown: string | undefined;
  /** Folder for CPU profiles. */
  profile: string | undefined;
  serverProfile: boolean;
  check: boolean;
};

export const HELP = `Measures migrating a fleet of schemas, beside a floor and other tools.

  npm run bench -- [options]

  --tenants N,N          sizes of fleets (1000)
  --all-tenants N        at most so many tenants in the scenario "all" (200)
  --scenario S,S         ${SCENARIOS.join(', ')} (all of them)
  --migrations M         migrations of each tenant (20)
  --tables T             tables that each migration makes (10)
  --create-migrations M  migrations of the tenant that "create" makes (100)
  --executors E,E        standard, multiprocessing, worker-threads (standard)
  --connections N        connections of every contender (4)
  --latency MS,MS        round-trip time added by a TCP proxy (0)
  --repetitions N        (5)
  --sample N             tenants for contenders that start a process for each (8)
  --without-command-line leave those contenders out
  --only WORD,WORD       contenders whose name has one of these words in it
  --database URL         a server of your own: a superuser's URL; databases "tenants_bench_…" are made and dropped there
  --json FILE            all figures
  --markdown FILE        the report
  --profile DIR          CPU profiles of calls in process, and what one tenant costs in round trips, bytes and CPU time
  --server-profile       the same costs, and what the server spent its time on
  --check                a small run of everything, to see that it works
  --help

Scenarios: noop, one, all = migrate with nothing, one small migration, everything pending; create = a new tenant;
status = status --check; plan = plan; startup = the time until a command can begin.
`;

/** @throws Error for what is not understood. `undefined`: help was asked for. */
export function readOptions(argv: string[]): Options | undefined {
  const { values } = parseArgs({
    args: argv,
    options: {
      tenants: { type: 'string' },
      'all-tenants': { type: 'string' },
      scenario: { type: 'string' },
      migrations: { type: 'string' },
      tables: { type: 'string' },
      'create-migrations': { type: 'string' },
      executors: { type: 'string' },
      connections: { type: 'string' },
      latency: { type: 'string' },
      repetitions: { type: 'string' },
      sample: { type: 'string' },
      'without-command-line': { type: 'boolean', default: false },
      only: { type: 'string' },
      database: { type: 'string' },
      json: { type: 'string' },
      markdown: { type: 'string' },
      profile: { type: 'string' },
      'server-profile': { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const small = values.check;
  const number = (name: string, text: string | undefined, usual: number, least = 1): number =>
    text === undefined ? usual : whole(name, text, least);
  return {
    tenants: words(values.tenants ?? (small ? '5' : '1000')).map((word) => whole('tenants', word, 1)),
    allTenants: number('all-tenants', values['all-tenants'], 200),
    scenarios: words(values.scenario ?? SCENARIOS.join(',')).map((word) => choice('scenario', word, SCENARIOS)),
    shape: {
      migrations: number('migrations', values.migrations, small ? 2 : 20),
      tables: number('tables', values.tables, small ? 2 : 10),
    },
    createMigrations: number('create-migrations', values['create-migrations'], small ? 5 : 100),
    executors: words(values.executors ?? (small ? EXECUTORS.join(',') : 'standard')).map((word) =>
      choice('executors', word, EXECUTORS),
    ),
    connections: number('connections', values.connections, small ? 2 : 4),
    latencies: words(values.latency ?? '0').map((word) => whole('latency', word, 0)),
    repetitions: number('repetitions', values.repetitions, small ? 1 : 5),
    sample: number('sample', values.sample, small ? 2 : 8),
    commandLine: !values['without-command-line'],
    only: words(values.only ?? ''),
    database: values.database,
    json: values.json,
    markdown: values.markdown,
    profile: values.profile,
    serverProfile: values['server-profile'],
    check: values.check,
  };
}

const EXECUTORS = ['standard', 'multiprocessing', 'worker-threads'] as const;

function words(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new Error(`--${name} takes a whole number from ${least}, not "${text}".`);
}

function choice<T extends string>(name: string, word: string, choices: readonly T[]): T {
  const found = choices.find((one) => one === word);
  if (found !== undefined) return found;
  throw new Error(`--${name} takes ${choices.join(', ')}, not "${word}".`);
}
