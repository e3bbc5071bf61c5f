import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { findExecutor } from '../../src/executors/find-executor.js';
import { createProject, type TestProject } from '../support/project.js';

let files: TestProject;
beforeAll(async () => {
  files = await createProject();
});
afterAll(() => files.remove());

const BODY = `{ name: 'own', async *execute() {}, async close() {} }`;

describe("a module of one's own", () => {
  it.each([
    ['default.mjs', `export default ${BODY};`],
    ['named.mjs', `export const executor = ${BODY};`],
    ['factory.mjs', `export default async () => (${BODY});`],
    ['named-factory.mjs', `export function executor() { return ${BODY}; }`],
    ['common.cjs', `module.exports = ${BODY};`],
    ['common-named.cjs', `exports.executor = ${BODY};`],
    ['typed.ts', `const name: string = 'own'; export default { ...${BODY}, name };`],
    ['typed-factory.mts', `export const executor = (): object => (${BODY});`],
  ])('is found in %s', async (name, text) => {
    expect((await findExecutor(await files.write(name, text))).name).toBe('own');
  });

  it.each([
    ['empty.mjs', 'export const other = 1;', /exports no executor/],
    [
      'shape.mjs',
      `export default { name: '', execute: 1, defaultConcurrency: 0 };`,
      /"name" must be a non-empty string, its "execute" must be a function, its "close" must be a function, its "defaultConcurrency"/,
    ],
    ['throws.mjs', `throw new Error('not today');`, /cannot be loaded: not today/],
    ['broken.ts', 'export default {', /cannot be loaded/],
    ['null.mjs', 'export default () => null;', /exports no executor/],
  ])('is refused in %s', async (name, text, message) => {
    await expect(findExecutor(await files.write(name, text))).rejects.toMatchObject({
      code: 'EXECUTOR_UNAVAILABLE',
      exitCode: 2,
      message: expect.stringMatching(message),
    });
  });

  it('is refused when there is no such file', async () => {
    await expect(findExecutor(files.path('absent.js'))).rejects.toMatchObject({ code: 'EXECUTOR_UNAVAILABLE' });
  });
});

describe('a name', () => {
  it.each(['standard', 'multiprocessing', 'worker-threads'])('%s is built in', async (name) => {
    expect((await findExecutor(name)).name).toBe(name);
  });

  it('that is nearly right gets the right one suggested', async () => {
    await expect(findExecutor('multiprocesing')).rejects.toMatchObject({
      code: 'EXECUTOR_UNAVAILABLE',
      suggestions: expect.arrayContaining(['Did you mean "multiprocessing"?']),
    });
    await expect(findExecutor('constructor')).rejects.toMatchObject({ code: 'EXECUTOR_UNAVAILABLE' });
  });
});
