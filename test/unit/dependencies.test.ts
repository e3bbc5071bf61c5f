import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

import { REPOSITORY } from '../support/build.js';

const PACKAGE = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};

/** They come with the build: see scripts/bundle-libraries.js. */
const BUNDLED = ['@oclif/core', 'zod'];

const SOURCES = readdirSync(join(REPOSITORY, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join(REPOSITORY, 'src', name), 'utf8'));

/** What the sources import of packages when they run. */
const SPECIFIERS = [
  ...new Set(
    SOURCES.flatMap((text) => [
      ...text.matchAll(/^(?:import|export) (?!type\b)[^;]*?from '([^'.][^']*)';/gm),
      ...text.matchAll(/(?<=[ (])(?:import|require)\('([^'.][^']*)'\)/g),
    ])
      .map(([, specifier = '']) => specifier)
      .filter((specifier) => !specifier.startsWith('node:') && specifier !== 'pg-tenants'),
  ),
].sort();

it('imports no package that it does not depend on', () => {
  const names = SPECIFIERS.map((specifier) => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? '');
  expect(names).toContain('pg-protocol');
  // The plugin for Kysely is loaded by applications that have it.
  const missing = names.filter((name) => name !== 'kysely' && !Object.hasOwn(PACKAGE.dependencies, name));
  expect([...new Set(missing)]).toEqual(BUNDLED);
});

/** Node.js guesses the kind of such a file only from 20.19 on, and Yarn's PnP never does. */
it('imports no ES module that hides in a file for CommonJS', () => {
  const program = `console.log(JSON.stringify(${JSON.stringify(SPECIFIERS)}.map((one) => import.meta.resolve(one))))`;
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: REPOSITORY });
  const files = (JSON.parse(printed.toString()) as string[]).map((url) => fileURLToPath(url));
  const hidden = files.filter(
    (file) => extname(file) === '.js' && !isModule(file) && /^(?:import|export)\b/m.test(readFileSync(file, 'utf8')),
  );
  expect(hidden).toEqual([]);
});

/** As Node.js does it: the nearest package.json decides. */
function isModule(file: string): boolean {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) {
      return (JSON.parse(readFileSync(manifest, 'utf8')) as { type?: string }).type === 'module';
    }
  }
  return false;
}
