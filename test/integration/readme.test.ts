import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, it, onTestFinished } from 'vitest';

import { REPOSITORY } from '../support/build.js';

const run = promisify(execFile);

it('the README lists the commands, flags and settings that the build has', async () => {
  await expect(run(process.execPath, ['scripts/readme.js', '--check'], { cwd: REPOSITORY })).resolves.toBeDefined();
});

it('a README with an older list is found, left alone by the check, and written anew without it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tenants-readme-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const present = await readFile(join(REPOSITORY, 'README.md'), 'utf8');
  const older = present.replace('`--ndjson`', '`--lines`');
  await cp(join(REPOSITORY, 'scripts', 'readme.js'), join(folder, 'scripts', 'readme.js'));
  await cp(join(REPOSITORY, 'package.json'), join(folder, 'package.json'));
  await symlink(join(REPOSITORY, 'dist'), join(folder, 'dist'));
  await writeFile(join(folder, 'README.md'), older);

  const check = run(process.execPath, ['scripts/readme.js', '--check'], { cwd: folder });
  await expect(check).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('npm run readme') });
  await expect(readFile(join(folder, 'README.md'), 'utf8')).resolves.toBe(older);

  await run(process.execPath, ['scripts/readme.js'], { cwd: folder });
  await expect(readFile(join(folder, 'README.md'), 'utf8')).resolves.toBe(present);
});
