import { mkdir } from 'node:fs/promises';

import { afterEach, expect, it } from 'vitest';

import { cacheFolder } from '../../src/util/cache-folder.js';
import { createProject, type TestProject } from '../support/project.js';

let project: TestProject | undefined;
afterEach(() => project?.remove());

it('is in the nearest node_modules above the file', async () => {
  project = await createProject({ 'deep/er/file.ts': '' });
  await mkdir(project.path('node_modules'));
  expect(cacheFolder(project.path('deep', 'er', 'file.ts'))).toBe(project.path('node_modules', '.cache', 'jiti'));
});

it('is nowhere without a node_modules, never in a shared temporary folder', async () => {
  project = await createProject({ 'file.ts': '' });
  expect(cacheFolder(project.path('file.ts'))).toBe(false);
});
