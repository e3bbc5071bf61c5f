import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { REPOSITORY } from '../support/build.js';
import { useFleet } from '../support/fleet.js';
import { callCli, type CliOutcome, spawnCli } from '../support/run-cli.js';

const TENANTS = ['t0', 't1', 't2', 't3'];
const fleet = useFleet({ tenants: TENANTS });
let page: string;

beforeAll(async () => {
  page = await readFile(join(REPOSITORY, 'docs', 'rollouts.md'), 'utf8');
  await fleet.tenantMigration(
    '0002_two.sql',
    '-- Up Migration\nCREATE TABLE two (id int);\n-- Down Migration\nDROP TABLE two;',
  );
});
/** Everybody is one migration behind again. */
beforeEach(async () => {
  for (const tenant of TENANTS) {
    await fleet.database.query(
      `DROP TABLE IF EXISTS ${tenant}.two; DELETE FROM ${tenant}.pgmigrations WHERE name = '0002_two'`,
    );
  }
});

async function tenants(command: string, env: Record<string, string> = {}): Promise<CliOutcome> {
  const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  return await callCli(words, { cwd: fleet.files.root, env: { DATABASE_URL: fleet.database.url, ...env } });
}

/** The tenants that have the migration. */
async function done(): Promise<string[]> {
  const { rows } = await fleet.database.query<{ schema: string }>(
    `SELECT n.nspname AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE relname = 'two' ORDER BY 1`,
  );
  return rows.map(({ schema }) => schema);
}

describe('migrate --waves', () => {
  it('prints what the page shows', async () => {
    const [, block = ''] = /```console\n(.*?)```/s.exec(page) ?? [];
    const [, first = '', second = ''] = block.split(/^\$ tenants .*\n/m);
    for (const expected of [first, second]) {
      const { code, stdout } = await tenants('migrate --waves 1,50%,100%');
      expect(code).toBe(0);
      expect(
        stdout
          .split('\n')
          .filter((line) => !/Finished in/.test(line))
          .join('\n')
          .trim(),
      ).toBe(expected.replaceAll(/^Begin/gm, '\nBegin').trim());
    }
    expect((await tenants('status')).stdout).toMatch(/2 tenants wait for a later wave of the rollout of run \d+/);
  });

  it('says in its document where the rollout stands', async () => {
    const { code, json } = await tenants('migrate --waves 1,100% --pause ask --json');
    expect(code).toBe(0);
    const document = json<{ wave: unknown; tenants: unknown; exitCode: number; results: unknown[] }>();
    expect(document.wave).toEqual({ current: 1, of: 2 });
    expect(document).toMatchObject({ exitCode: 0, tenants: { applied: 1, notExecuted: 3 } });
    expect(document.results).toContainEqual({ tenant: 't3', status: 'notExecuted', reason: 'laterWave' });
    expect((await tenants('status --check')).code).toBe(3);
    expect((await tenants('migrate --failed')).code).toBe(2);
    expect(await done()).toEqual(['t0']);
  });

  it('comes from the configuration and the environment as well, and a flag goes before both', async () => {
    await fleet.files.write('tenants.config.json', '{ "rollout": { "waves": [1, "100%"], "maxFailures": 0 } }');
    try {
      expect((await tenants('migrate --json')).json()).toMatchObject({ wave: { current: 1, of: 2 } });
      const variable = await tenants('migrate --json', { TENANTS_WAVES: '2,3,100%' });
      expect(variable.json()).toMatchObject({ wave: { current: 1, of: 3 }, tenants: { applied: 1, upToDate: 1 } });
      const flag = await tenants('migrate --waves 100% --json', { TENANTS_WAVES: '2,3,100%' });
      expect(flag.json()).toMatchObject({ wave: { current: 1, of: 1 }, tenants: { applied: 2, upToDate: 2 } });
    } finally {
      await fleet.files.write('tenants.config.json', '{}');
    }
  });

  it.each([
    ['--waves 5%,1%', 'growing sizes'],
    ['--waves all', 'growing sizes'],
    ['--waves 1,100% --pause soon', "a duration such as '10m', or 'ask'"],
    ['--max-duration -1', 'a duration'],
    ['--delay fast', 'a duration'],
    ['--max-replica-lag far', 'a duration'],
    ['--max-lock-waits few', 'a whole number'],
    ['--max-failures some', 'a whole number'],
    ['--window "22 to 5"', 'times of day and a time zone'],
  ])('refuses %s and changes nothing', async (flags, message) => {
    const { code, stderr } = await tenants(`migrate ${flags}`);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('rollout-max-failures');
    expect(await done()).toEqual([]);
  });

  it('ends at once with SIGTERM in the pause, and reports', async () => {
    const running = spawnCli(['migrate', '--waves', '1,100%', '--pause', '1h', '--canary', '0'], {
      cwd: fleet.files.root,
      env: { DATABASE_URL: fleet.database.url },
    });
    await running.until(/Wave 1 of 2 is over; the next one, of 3 tenants, begins in 1 h/);
    running.child.kill('SIGTERM');
    const { code, stdout } = await running.outcome;
    expect(code).toBe(143);
    expect(stdout).toContain('Tenants: 1 migrated, 3 in later waves (of 4)');
    expect(stdout).toContain('Continue with: tenants migrate --canary 0 --waves 1,100% --pause 1h');
    expect(await done()).toEqual(['t0']);
  });
});

describe('the time of a run', () => {
  it('is over for a rollback, too, which says whom it left', async () => {
    await tenants('migrate');
    const { code, json } = await tenants('rollback --tenants-only --confirm all --max-duration 1ms --json');
    expect(code).toBe(1);
    expect(json()).toMatchObject({ tenants: { notExecuted: 4 }, results: [{ reason: 'maxDuration' }, {}, {}, {}] });
  });

  it('is asked for before anything is touched', async () => {
    const hour = (new Date().getUTCHours() + 2) % 24;
    const { code, stderr } = await tenants(`migrate --window "${hour}:00-${hour}:01 UTC"`);
    expect(code).toBe(2);
    expect(stderr).toContain('Tenants are started from');
    expect(stderr).toContain('--window always');
    expect(await done()).toEqual([]);
    expect((await tenants('migrate --window always')).code).toBe(0);
  });
});
