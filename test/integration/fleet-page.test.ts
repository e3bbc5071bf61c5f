import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { platform } from 'node:os';

import { beforeAll, describe, expect, it } from 'vitest';

import { readFleetPage } from '../../src/fleet-page/read-fleet-page.js';
import type { FleetPage } from '../../src/fleet-page/types.js';
import { writeFleetPage } from '../../src/fleet-page/write-fleet-page.js';
import { useFleet } from '../support/fleet.js';
import { callCli } from '../support/run-cli.js';

const fleet = useFleet({ tenants: ['acme', 'globex', 'initech'] });
const call = (...args: string[]) => callCli(args, { cwd: fleet.files.root, env: { DATABASE_URL: fleet.database.url } });

async function dataIn(file: string): Promise<FleetPage> {
  const html = await readFile(file, 'utf8');
  return JSON.parse(/id="data">(.*?)<\/script>/s.exec(html)?.[1] ?? '') as FleetPage;
}

beforeAll(async () => {
  await mkdir(fleet.files.path('out'));
  await fleet.database.query(`INSERT INTO globex.projects (name) VALUES (NULL)`);
  await fleet.tenantMigration('0002_named.sql', 'ALTER TABLE projects ALTER COLUMN name SET NOT NULL;');
  await fleet.migrate();
});

describe('readFleetPage', () => {
  it('says where the fleet stands and what failed in the last run', async () => {
    const page = await readFleetPage(await fleet.project());
    expect(page).toMatchObject({
      shared: { applied: 1, pending: [] },
      counts: { total: 3, upToDate: 2, pending: 1 },
      types: [{ type: null, migrations: ['0001_projects', '0002_named'], files: 2 }],
      cohorts: [
        { state: 'upToDate', upTo: 2, count: 2 },
        { state: 'pending', upTo: 1, count: 1 },
      ],
      journal: { state: 'ready' },
    });
    expect(page.runs[0]).toMatchObject({ command: 'migrate', counts: { applied: 2, failed: 1 } });
    const [failure] = page.lastRun?.failures ?? [];
    expect(failure).toMatchObject({ migration: '0002_named', code: '23502', line: 1 });
    expect(failure?.tenants.map((tenant) => page.tenants[tenant])).toEqual(['globex']);
    expect(page.lastRun?.durationMs.every((ms) => ms !== null && ms >= 0)).toBe(true);
  });

  it('does without a journal that is switched off', async () => {
    const page = await readFleetPage(await fleet.project({ journal: false }));
    expect(page).toMatchObject({ counts: { total: 3 }, journal: { state: 'off' }, runs: [], lastRun: null });
  });
});

describe('writeFleetPage', () => {
  it('replaces the file that a link leads to, and leaves nothing beside it', async () => {
    const [file, link] = [fleet.files.path('out', 'real.html'), fleet.files.path('out', 'link.html')];
    await writeFile(file, 'old');
    await symlink(file, link);
    const written = await writeFleetPage(await fleet.project(), link);
    expect(written).toEqual({ file, bytes: (await readFile(file)).byteLength });
    expect((await dataIn(link)).tenants.toSorted()).toEqual(['acme', 'globex', 'initech']);
    expect((await readdir(fleet.files.path('out'))).toSorted()).toEqual(['link.html', 'real.html']);
  });

  it.skipIf(platform() === 'win32')(
    'makes a file that only its owner reads, and keeps the permissions of another',
    async () => {
      const file = fleet.files.path('out', 'mode.html');
      await writeFleetPage(await fleet.project(), file);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      await chmod(file, 0o644);
      await writeFleetPage(await fleet.project(), file);
      expect((await stat(file)).mode & 0o777).toBe(0o644);
    },
  );

  it.skipIf(process.getuid?.() === 0 || platform() === 'win32')('says that a folder cannot be written to', async () => {
    const folder = fleet.files.path('closed');
    await mkdir(folder);
    await chmod(folder, 0o500);
    const attempt = writeFleetPage(await fleet.project(), `${folder}/fleet.html`);
    await expect(attempt).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('EACCES') });
  });

  it('keeps the old file when the database fails', async () => {
    const file = fleet.files.path('out', 'kept.html');
    await writeFile(file, 'old');
    const database = { ...(await fleet.project()).database, port: 1 };
    await expect(writeFleetPage(await fleet.project({ database }), file)).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
    });
    expect(await readFile(file, 'utf8')).toBe('old');
  });
});

describe('tenants report', () => {
  it('writes the page and says where', async () => {
    const outcome = await call('report', '--html', 'fleet.html');
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toMatch(/^Wrote \S+fleet\.html \(\d+ kB\)\.\n$/);
    expect((await dataIn(fleet.files.path('fleet.html'))).counts.total).toBe(3);
  });

  it('answers with one document of --json', async () => {
    const outcome = await call('report', '--html', 'json.html', '--json');
    const bytes = (await readFile(fleet.files.path('json.html'))).byteLength;
    expect(outcome.json()).toEqual({ file: fleet.files.path('json.html'), bytes });
  });

  it.each([
    ['a folder', 'out', /is a folder/],
    ['a folder that does not exist', 'none/fleet.html', /There is no folder/],
    ['a device', '/dev/null', /is not a regular file/],
    ['standard output', '-', /cannot be written to standard output/],
  ])('refuses %s with exit code 2', async (_what, file, message) => {
    const outcome = await call('report', '--html', file);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toMatch(message);
  });

  it('is also written by status, whose answer stays the same', async () => {
    const plain = await call('status', '--check', '--json');
    const outcome = await call('status', '--check', '--json', '--html', 'status.html');
    expect(outcome).toMatchObject({ code: plain.code, stdout: plain.stdout });
    expect((await dataIn(fleet.files.path('status.html'))).counts.total).toBe(3);
    expect(await call('status', '--html', 'none/fleet.html')).toMatchObject({ code: 2, stdout: '' });
  });

  it('needs to be told the file', async () => {
    expect(await call('report')).toMatchObject({ code: 2, stdout: '' });
  });
});
