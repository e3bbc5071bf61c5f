import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { exec } from '../../src/each-tenant/exec/exec.js';
import type { ExecOptions, ExecReport } from '../../src/each-tenant/exec/types.js';
import type { Project } from '../../src/project/project.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { openProxy } from '../support/proxy.js';

const HOSTILE = `Se"lect 'é\\ $1 `;
const TENANTS = [HOSTILE, 'acme', 'globex', 'select'];
const PG = createRequire(import.meta.url).resolve('pg');

/** Says what a client finds that is given the whole URL, and one that is given nothing. */
const WHOAMI = `
const { Client } = require(${JSON.stringify(PG)});
(async () => {
  for (const config of [{ connectionString: process.env.DATABASE_URL }, {}]) {
    const client = new Client(config);
    await client.connect();
    const { rows } = await client.query("SELECT current_schema() AS at, current_schemas(false)::text[] AS path, (SELECT name FROM projects) AS name, current_database() AS db, current_setting('work_mem') AS mem");
    console.log(JSON.stringify(rows[0]));
    await client.end();
  }
})();`;

const database = useDatabase();
let fleet: TestFleet;

beforeAll(async () => {
  fleet = await createFleet(database);
  await fleet.files.write('whoami.cjs', WHOAMI);
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.create('acme', 'globex');
  for (const tenant of [HOSTILE, 'select']) {
    await database.query(`CREATE SCHEMA ${quoted(tenant)}`);
    await database.query('INSERT INTO tenants (schema_name) VALUES ($1)', [tenant]);
  }
  await fleet.migrate();
  for (const tenant of TENANTS) {
    await database.query(`INSERT INTO ${quoted(tenant)}.projects (name) VALUES ($1)`, [`of ${tenant}`]);
  }
});
afterAll(() => fleet.remove());

type Outcome = ExecReport & { lines: [tenant: string, stream: string, line: string][] };

async function run(
  command: [string, ...string[]],
  options: Partial<ExecOptions> = {},
  overrides: Partial<Project> = {},
): Promise<Outcome> {
  const lines: Outcome['lines'] = [];
  const report = await exec(await fleet.project(overrides), {
    command,
    cwd: fleet.files.root,
    env: { PATH: process.env['PATH'] },
    onLines: (tenant, stream, texts) =>
      void lines.push(...texts.map((line) => [tenant, stream, line] as [string, string, string])),
    ...options,
  });
  return { ...report, lines };
}

function node(script: string): [string, ...string[]] {
  return [process.execPath, '-e', script];
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

it('a database that is reached through a function is refused, because programs would find another one', async () => {
  const { database: config } = await fleet.project();
  const connected: string[] = [];
  const stream = (): Socket => {
    connected.push('stream');
    return new Socket();
  };
  await expect(run(node('console.log(1)'), {}, { database: { ...config, stream } })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    exitCode: 2,
  });
  expect(connected).toEqual([]);
});

it('a password function is called for each program, and one that fails leaves its program out with the reason', async () => {
  const { database: config } = await fleet.project();
  const secret = typeof config.password === 'string' ? config.password : 'any';
  let isSealed = false;
  const password = (): string => {
    if (isSealed) throw new Error('the vault is sealed');
    return secret;
  };
  const said: string[] = [];
  const { results } = await run(
    node('console.log(process.env.PGPASSWORD)'),
    {
      names: ['acme', 'globex'],
      onLines: (_tenant, _stream, lines) => {
        said.push(...lines);
        isSealed = true;
      },
    },
    { database: { ...config, password }, concurrency: 1 },
  );
  expect(said).toEqual([secret]);
  expect(results).toEqual([
    { tenant: 'acme', exitCode: 0 },
    {
      tenant: 'globex',
      exitCode: null,
      error: expect.objectContaining({
        code: 'DATABASE_REFUSED',
        message: 'The password function of the database setting failed: the vault is sealed.',
      }),
    },
  ]);
});

describe('what a program finds', () => {
  it('is its tenant and the shared schema, by URL and by variables alike, whatever the tenant is called', async () => {
    const { results, lines } = await run([process.execPath, 'whoami.cjs']);
    expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
    for (const tenant of TENANTS) {
      const said = lines.filter(([of]) => of === tenant).map(([, , line]) => JSON.parse(line) as unknown);
      const seen = { at: tenant, path: [tenant, 'public'], name: `of ${tenant}`, db: database.name };
      expect(said).toEqual([expect.objectContaining(seen), expect.objectContaining(seen)]);
    }
  });

  it('keeps the options that were given', async () => {
    const { lines } = await run([process.execPath, 'whoami.cjs'], {
      names: [HOSTILE],
      env: {
        PATH: process.env['PATH'],
        PGOPTIONS: '-c work_mem=7MB',
        PGHOST: 'elsewhere.invalid',
        PGDATABASE: 'elsewhere',
      },
    });
    expect(lines.map(([, , line]) => (JSON.parse(line) as { mem: string }).mem)).toEqual(['4MB', '7MB']);
  });

  it('is the same for libpq', async (context) => {
    const found = await promisify(execFile)('psql', ['--version']).catch(() => undefined);
    if (found === undefined) context.skip();
    const sql = `SELECT name || ' in ' || current_schema() FROM projects`;
    const byVariables = await run(['psql', '-XAtc', sql]);
    const byUrl = await run(['sh', '-c', `exec psql -XAtc "${sql}" "$DATABASE_URL"`], {
      env: { PATH: process.env['PATH'] },
    });
    for (const { lines } of [byVariables, byUrl]) {
      const said = Object.fromEntries(lines.map(([tenant, , line]) => [tenant, line]));
      expect(said).toEqual(Object.fromEntries(TENANTS.map((tenant) => [tenant, `of ${tenant} in ${tenant}`])));
    }
  });

  it('is the name of the tenant', async () => {
    const { lines } = await run(node('console.log(JSON.stringify(process.env.TENANT_SCHEMA))'));
    expect(lines.map(([tenant, , line]) => [tenant, JSON.parse(line)])).toEqual(
      expect.arrayContaining(TENANTS.map((tenant) => [tenant, tenant])),
    );
  });
});

describe('programs', () => {
  it('get their arguments as they are, without a shell', async () => {
    const args = ['$HOME', '`id`', '; exit 3', '"', "'", '*'];
    const { lines, results } = await run(
      [...node('console.log(JSON.stringify(process.argv.slice(1)))'), '--', ...args],
      {
        names: ['acme'],
      },
    );
    expect(results).toEqual([{ tenant: 'acme', exitCode: 0 }]);
    expect(JSON.parse(lines[0]?.[2] ?? '')).toEqual(args);
  });

  it('are told apart line by line, in either stream, and whole lines alone', async () => {
    const { lines } = await run(
      node(
        `process.stdout.write('one\\ntw'); setTimeout(() => process.stdout.write('o\\r\\n\\nlast é'), 50); console.error('bad')`,
      ),
      { names: ['acme'] },
    );
    expect(lines.filter(([, stream]) => stream === 'stdout').map(([, , line]) => line)).toEqual([
      'one',
      'two',
      '',
      'last é',
    ]);
    expect(lines).toContainEqual(['acme', 'stderr', 'bad']);
  });

  it('that fail are told by their exit codes, in the order of the fleet, and the others go on', async () => {
    const { results } = await run(
      node(
        `if (process.env.TENANT_SCHEMA === 'acme') process.exit(7); if (process.env.TENANT_SCHEMA === 'globex') process.kill(process.pid, 'SIGKILL')`,
      ),
    );
    const order = await database.query<{ schema_name: string }>('SELECT schema_name FROM tenants ORDER BY schema_name');
    expect(results.map(({ tenant }) => tenant)).toEqual(order.rows.map((row) => row.schema_name));
    expect(Object.fromEntries(results.map(({ tenant, exitCode }) => [tenant, exitCode]))).toEqual({
      [HOSTILE]: 0,
      acme: 7,
      globex: 137,
      select: 0,
    });
  });

  it('run side by side, but not more than concurrency allows', async () => {
    let running = 0;
    let most = 0;
    await run(
      node(`console.log('in'); setTimeout(() => console.log('out'), 200)`),
      {
        onLines: (_tenant, _stream, lines) => {
          for (const line of lines) running += line === 'in' ? 1 : -1;
          most = Math.max(most, running);
        },
      },
      { concurrency: 2 },
    );
    expect(most).toBe(2);
  });

  it('wait for a reader that is slow', async () => {
    let lines = 0;
    const { results } = await run(node(`for (let i = 0; i < 20000; i += 1) console.log('x'.repeat(100))`), {
      names: ['acme'],
      onLines: async (_tenant, _stream, texts) => {
        lines += texts.length;
        await new Promise((resolve) => setTimeout(resolve, 1));
      },
    });
    expect(results).toEqual([{ tenant: 'acme', exitCode: 0 }]);
    expect(lines).toBe(20_000);
  });
});

describe('what is refused before anything is started', () => {
  it.each(['no-such-program-anywhere', './no-such-file', './tenants.config.json', './migrations'])(
    '%s',
    async (program) => {
      await expect(run([program])).rejects.toMatchObject({ code: 'COMMAND_NOT_FOUND', exitCode: 2 });
    },
  );

  it('an unknown tenant', async () => {
    await expect(run(['true'], { names: ['acne'] })).rejects.toMatchObject({ code: 'UNKNOWN_TENANT' });
  });
});

describe('a tenant without a schema', () => {
  it('has no program started, which would find the shared schema', async () => {
    await database.query(`INSERT INTO tenants (schema_name) VALUES ('ghost')`);
    const { results, lines } = await run(node(`console.log('ran')`), { names: ['ghost', 'acme'] });
    expect(results).toMatchObject([
      { tenant: 'acme', exitCode: 0 },
      { tenant: 'ghost', exitCode: null, error: { code: 'TENANT_UNREADABLE' } },
    ]);
    expect(lines).toEqual([['acme', 'stdout', 'ran']]);
    await database.query(`DELETE FROM tenants WHERE schema_name = 'ghost'`);
  });
});

describe('when something ends it', () => {
  it('a first signal reaches programs and what they started, and starts no more', async () => {
    const drain = new AbortController();
    const started: string[] = [];
    const script = `require('child_process').spawn('sleep', ['30'], { stdio: 'inherit' }); console.log('up'); process.on('SIGINT', () => { console.log('draining'); process.exit(9); }); setInterval(() => {}, 1000)`;
    const { results, interrupted } = await run(
      node(script),
      {
        drain: drain.signal,
        signal: () => 'SIGINT',
        onLines: (tenant, _stream, lines) => {
          for (const line of lines) {
            started.push(`${tenant} ${line}`);
            if (line === 'up') setTimeout(() => drain.abort(), 50);
          }
        },
      },
      { concurrency: 1 },
    );
    expect(interrupted).toBe(true);
    expect(results.map(({ exitCode }) => exitCode)).toEqual([9, null, null, null]);
    expect(results[1]?.error?.code).toBe('INTERRUPTED');
    expect(started).toHaveLength(2);
  });

  it('a second signal kills what does not listen', async () => {
    const drain = new AbortController();
    const cancel = new AbortController();
    const script = `process.on('SIGTERM', () => console.log('no')); console.log('up'); setInterval(() => {}, 1000)`;
    const { results } = await run(node(script), {
      names: ['acme'],
      drain: drain.signal,
      cancel: cancel.signal,
      onLines: (_tenant, _stream, [line]) => (line === 'up' ? drain : cancel).abort(),
    });
    expect(results).toEqual([{ tenant: 'acme', exitCode: 137 }]);
  });

  it('a reader that has gone ends the run with its error, and the programs with it', async () => {
    const gone = new Error('gone');
    const pids: number[] = [];
    const reading = run(node(`console.log(process.pid); setInterval(() => {}, 1000)`), {
      onLines: (_tenant, _stream, [pid]) => {
        pids.push(Number(pid));
        throw gone;
      },
    });
    await expect(reading).rejects.toBe(gone);
    await expect.poll(() => pids.filter((pid) => isAlive(pid))).toEqual([]);
  });

  it('a database that is gone starts nothing more', async () => {
    const proxy = await openProxy(database);
    const { results } = await run(
      node(`console.log('ran')`),
      { onLines: () => proxy.close() },
      { database: proxy.config, concurrency: 1 },
    );
    expect(results.map(({ exitCode }) => exitCode)).toEqual([0, null, null, null]);
    expect(results.at(-1)?.error?.code).toBe('DATABASE_UNREACHABLE');
  });

  it('a connection that breaks is opened again', async () => {
    const proxy = await openProxy(database);
    const { results } = await run(
      node(`console.log('ran')`),
      { onLines: () => proxy.cutAll() },
      { database: proxy.config, concurrency: 1 },
    );
    await proxy.close();
    expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
