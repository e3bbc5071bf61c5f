import type { ClientConfig } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { judgeServer } from '../../src/db/server.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import type { Project } from '../../src/project/project.js';
import { exitCodeOf } from '../../src/run/report.js';
import { type DebianPostgres, findPostgres, startPostgres } from '../support/debian-postgres.js';
import { usePopulatedFleet, execute, READING, snapshot, WRITING } from '../support/every-command.js';
import { createFleet } from '../support/fleet.js';
import { runCli } from '../support/run-cli.js';

const bin = findPostgres();
if (bin === undefined) console.warn('No PostgreSQL of the operating system: the tests with a standby are SKIPPED.');

const REFUSED = { code: 'DATABASE_REFUSED', exitCode: 5 };
const STANDBY = { ...REFUSED, message: 'The server accepts no changes: it is a standby.' };
const SETTING = { ...REFUSED, message: 'The server accepts no changes: its transactions are read-only.' };

const fleet = usePopulatedFleet();
const { database } = fleet;

/** What differs from call to call is left out. */
function plain(report: unknown): unknown {
  return JSON.parse(JSON.stringify(report, (key, value: unknown) => (key === 'durationMs' ? undefined : value)));
}

describe.skipIf(bin === undefined)('a standby', () => {
  let primary: DebianPostgres;
  let standby: DebianPostgres;
  let onPrimary: ClientConfig;

  beforeAll(async () => {
    primary = await startPostgres(bin ?? '', { full_page_writes: 'on' });
  }, 60_000);
  afterAll(async () => {
    await standby?.stop();
    await primary.stop();
  });

  it('is refused by everything that writes, and read by everything else', async () => {
    const other = await createFleet({ ...database, url: primary.url, config: primary.config });
    await other.migrate({ selection: { kind: 'shared' } });
    await createTenant(await other.project(), { schema: 't1', domains: ['t1.example.com'] });
    await other.create('t2');
    await other.tenantMigration(
      '0002_two.sql',
      '-- Up Migration\nCREATE TABLE two (id int);\n-- Down Migration\nDROP TABLE two;',
    );
    onPrimary = primary.config;
    standby = await primary.startStandby();
    const project = await other.project({ database: standby.config });
    for (const [name, run] of WRITING) await expect(run(project), name).rejects.toMatchObject(STANDBY);
    await expect(WRITING[0]?.[1](project)).rejects.toMatchObject({ suggestions: ['Connect to the primary server.'] });
    const direct = await other.project({ database: onPrimary });
    for (const [name, run] of READING) expect(plain(await run(project)), name).toEqual(plain(await run(direct)));
    expect(await execute(project, 'sh', '-c', 'echo $TENANT_SCHEMA')).toEqual({ t1: 't1', t2: 't2' });
    const options = { cwd: other.files.root, env: { DATABASE_URL: standby.url } };
    const said = await runCli(['create-tenant', 'x', '--json'], options);
    expect(said.code).toBe(5);
    expect(said.json()).toMatchObject({
      error: { code: 'DATABASE_REFUSED', suggestions: ['Connect to the primary server.'] },
    });
    expect((await runCli(['status', '--check'], options)).code).toBe(3);
    await other.remove();
  }, 60_000);
});

it('a user whose transactions are read only is refused, and told which setting it is', async () => {
  const before = await snapshot(database);
  await withRole('', async (config, role) => {
    await database.query(`ALTER ROLE ${role} SUPERUSER; ALTER ROLE ${role} SET default_transaction_read_only = on`);
    const project = await fleet.project({ database: config });
    for (const [name, run] of WRITING) {
      await expect(run(project), name).rejects.toMatchObject({
        ...SETTING,
        suggestions: [expect.stringContaining('default_transaction_read_only is on')],
      });
    }
    const direct = await fleet.project();
    for (const [name, run] of READING) expect(plain(await run(project)), name).toEqual(plain(await run(direct)));
  });
  expect(await snapshot(database)).toEqual(before);
});

it.each([
  [120_017, '12.17', false],
  [90_624, '9.6.24', false],
  [130_000, '13.0', true],
  [180_004, '18.4', true],
])('version %i is answered for', (version, name, accepted) => {
  const answer = { version, name, standby: false, readOnly: false, max: 100, pid: 7 };
  if (accepted) {
    expect(judgeServer(answer, 7)).toMatchObject({ version, versionName: name, direct: true, readOnly: false });
  } else {
    expect(() => judgeServer(answer, 7)).toThrow(
      expect.objectContaining({
        code: 'DATABASE_UNSUPPORTED',
        exitCode: 5,
        message: expect.stringContaining(name) as string,
      }),
    );
  }
});

/** A role that may log in, with the rights that `grants` (in which `ROLE` stands for it) gives; removed afterwards. */
async function withRole(grants: string, use: (config: ClientConfig, role: string) => Promise<void>): Promise<void> {
  const role = `role_${database.name}`.slice(0, 60);
  await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'; ${grants.replaceAll('ROLE', role)}`);
  try {
    await use({ ...database.config, user: role, password: 'x' }, role);
  } finally {
    await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
}

const ALL_TABLES = (schema: string): string =>
  `GRANT USAGE, CREATE ON SCHEMA ${schema} TO ROLE; GRANT ALL ON ALL TABLES IN SCHEMA ${schema} TO ROLE; GRANT ALL ON ALL SEQUENCES IN SCHEMA ${schema} TO ROLE;`;

describe('a user without the rights', () => {
  const limited = (config: ClientConfig, more: Partial<Project> = {}): Promise<Project> =>
    fleet.project({ database: config, ...more });

  it('to create schemas: no tenant is made, and the message says what is missing', async () => {
    const before = await snapshot(database);
    await withRole(ALL_TABLES('public'), async (config) => {
      for (const name of ['create-tenant', 'clone-tenant', 'rename-tenant', 'delete-tenant']) {
        const run = WRITING.find(([one]) => one === name)?.[1];
        const error = (await run?.(await limited(config)).catch((one: unknown) => one)) as {
          code: string;
          exitCode: number;
        };
        expect([error.code, error.exitCode], name).toEqual(
          name === 'clone-tenant' && error.code === 'PG_DUMP_UNAVAILABLE'
            ? ['PG_DUMP_UNAVAILABLE', 2]
            : name === 'create-tenant'
              ? ['DATABASE_REFUSED', 5]
              : ['DATABASE_ERROR', 1],
        );
        if (error.code !== 'PG_DUMP_UNAVAILABLE') {
          expect(error, name).toMatchObject({
            details: { sqlstate: '42501' },
            suggestions: expect.arrayContaining([
              expect.stringMatching(/must own the schema|needs CREATE on the database/),
            ]) as unknown,
          });
        }
      }
    });
    expect(await snapshot(database)).toEqual(before);
  });

  it('to create in the shared schema: it fails and no tenant is touched', async () => {
    await fleet.files.write('migrations/shared/0002_more.sql', 'CREATE TABLE more (id int);');
    const before = await snapshot(database);
    await withRole(
      `GRANT USAGE ON SCHEMA public TO ROLE; GRANT ALL ON ALL TABLES IN SCHEMA public TO ROLE; ${ALL_TABLES('t1')} ${ALL_TABLES('t2')}`,
      async (config) => {
        const report = await fleet.migrate({}, { database: config });
        expect(report.shared).toMatchObject({
          status: 'failed',
          error: { sqlstate: '42501', message: expect.stringContaining('public') as string },
        });
        expect(report.tenants).toMatchObject({ applied: 0, notExecuted: 2 });
        expect(exitCodeOf(report)).toBe(1);
      },
    );
    expect(await snapshot(database)).toEqual(before);
  });

  it('to read the registry: exit code 1, the table by name, and nothing done', async () => {
    const before = await snapshot(database);
    await withRole('GRANT USAGE ON SCHEMA public TO ROLE', async (config) => {
      const project = await limited(config);
      // Without Citus two commands are refused before they read it.
      const others = ['migrate --shared', 'distribute', 'move-tenant'];
      for (const [name, run] of [...READING, ...WRITING].filter(([one]) => !others.includes(one))) {
        const error = await run(project).then(
          () => undefined,
          (one: unknown) => one as Error & { exitCode?: number },
        );
        expect(error?.message, name).toMatch(/permission denied|may not/);
      }
    });
    expect(await snapshot(database)).toEqual(before);
  });

  it('of the configured role: nothing is changed, and the message names it', async () => {
    const before = await snapshot(database);
    await database.query(`CREATE ROLE owner_${database.name}`);
    const owner = `owner_${database.name}`;
    await withRole(`${ALL_TABLES('public')} ${ALL_TABLES('t1')} ${ALL_TABLES('t2')}`, async (config) => {
      const report = await fleet.migrate({}, { database: config, role: owner, canary: 0 });
      expect(report.tenants).toMatchObject({ applied: 0, failed: 2 });
      for (const result of report.results) {
        expect(result).toMatchObject({
          error: { sqlstate: '42501', message: expect.stringContaining(owner) as string },
        });
      }
      await expect(createTenant(await limited(config, { role: owner }), { schema: 'x' })).rejects.toMatchObject({
        exitCode: 1,
      });
    });
    await database.query(`DROP ROLE ${owner}`);
    expect(await snapshot(database)).toEqual(before);
    const none = await fleet.migrate({}, { role: 'no_such_role', canary: 0 });
    expect(none.tenants).toMatchObject({ applied: 0, failed: 2 });
    expect(await snapshot(database)).toEqual(before);
  });

  it('in one tenant: that one fails, the others go on', async () => {
    await withRole(
      `${ALL_TABLES('public')} ${ALL_TABLES('t2')} GRANT USAGE ON SCHEMA t1 TO ROLE; GRANT SELECT ON ALL TABLES IN SCHEMA t1 TO ROLE`,
      async (config) => {
        const report = await fleet.migrate({}, { database: config, canary: 0 });
        expect(report.tenants).toMatchObject({ applied: 1, failed: 1 });
        expect(report.results.find(({ tenant }) => tenant === 't1')).toMatchObject({
          status: 'failed',
          error: { sqlstate: '42501' },
        });
        expect(await fleet.tables('t1')).not.toContain('two');
        expect(await fleet.tables('t2')).toContain('two');
      },
    );
  });
});
