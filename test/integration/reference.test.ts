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

it('the schemas are those of the documents and of the configuration that the build has', async () => {
  await expect(run(process.execPath, ['scripts/schemas.js', '--check'], { cwd: REPOSITORY })).resolves.toBeDefined();
});

it('a schema that is out of date, missing or left over is found by the check', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tenants-schemas-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const file of ['schemas', 'scripts/schemas.js', 'package.json', 'tsconfig.json']) {
    await cp(join(REPOSITORY, file), join(folder, file), { recursive: true });
  }
  for (const name of ['dist', 'node_modules']) await symlink(join(REPOSITORY, name), join(folder, name));
  const [status, left] = [join(folder, 'schemas/status.json'), join(folder, 'schemas/left-over.json')];
  const present = await readFile(status, 'utf8');
  await writeFile(status, present.replace('upToDate', 'current'));
  await writeFile(left, '{}');
  await rm(join(folder, 'schemas/list.json'));

  const complaints = ['left-over', 'list', 'status'].map((name) => expect.stringContaining(`schemas/${name}.json`));
  await expect(run(process.execPath, ['scripts/schemas.js', '--check'], { cwd: folder })).rejects.toMatchObject({
    code: 1,
    stderr: expect.toSatisfy((text: string) => {
      expect(text.trim().split('\n').toSorted()).toEqual(complaints);
      return true;
    }),
  });
  await expect(readFile(left, 'utf8')).resolves.toBe('{}');
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
