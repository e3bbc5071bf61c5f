import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, it, onTestFinished } from 'vitest';

import { REPOSITORY } from '../support/build.js';

const run = promisify(execFile);

const PAGES = ['docs/commands.md', 'docs/configuration.md'];

it('the reference lists the commands, flags and settings that the build has', async () => {
  await expect(run(process.execPath, ['scripts/reference.js', '--check'], { cwd: REPOSITORY })).resolves.toBeDefined();
});

it('a page with an older list is found, left alone by the check, and written anew without it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tenants-reference-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const file of [...PAGES, 'scripts/reference.js', 'package.json']) {
    await cp(join(REPOSITORY, file), join(folder, file));
  }
  await symlink(join(REPOSITORY, 'dist'), join(folder, 'dist'));
  const page = join(folder, 'docs/commands.md');
  const present = await readFile(page, 'utf8');
  const older = present.replace('`--ndjson`', '`--lines`');
  await writeFile(page, older);

  const check = run(process.execPath, ['scripts/reference.js', '--check'], { cwd: folder });
  await expect(check).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('npm run reference') });
  await expect(readFile(page, 'utf8')).resolves.toBe(older);

  await run(process.execPath, ['scripts/reference.js'], { cwd: folder });
  await expect(readFile(page, 'utf8')).resolves.toBe(present);
});
