import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { beforeAll, describe, expect, it } from 'vitest';

import { COMMAND_NAMES } from '../../src/cli/command-names.js';
import { COMMANDS } from '../../src/commands/index.js';
import { useCliProject } from './cli-project.js';

/** Writes the URL of every module that Node.js loads to a file, one a line. */
const RECORDER = `import { appendFileSync } from 'node:fs';
import { createRequire, register } from 'node:module';
const file = process.env.LOADED_MODULES;
const hooks = \`import { appendFileSync } from 'node:fs';
export async function load(url, context, next) {
  appendFileSync(\${JSON.stringify(file)}, url + '\\\\n');
  return await next(url, context);
}\`;
register('data:text/javascript,' + encodeURIComponent(hooks));
const { cache } = createRequire(import.meta.url);
process.on('exit', () => appendFileSync(file, Object.keys(cache).join('\\n')));
`;

describe('a command', () => {
  const cli = useCliProject({
    'tenants.config.json': '{}',
    'recorder.mjs': RECORDER,
  });
  const config = ['--config', 'tenants.config.json'];
  beforeAll(async () => {
    for (const args of [['migrate'], ['create-tenant', 'acme']]) {
      expect((await cli.run([...args, ...config])).code).toBe(0);
    }
  });

  /** The modules that a command loads, as paths. */
  async function modulesOf(args: string[]): Promise<string> {
    const file = join(cli.project.root, `${args[0]}.loaded`);
    const recorder = pathToFileURL(join(cli.project.root, 'recorder.mjs')).href;
    const env = { DATABASE_URL: cli.database.url, LOADED_MODULES: file, NODE_OPTIONS: `--import=${recorder}` };
    expect((await cli.run([...args, ...config], { env })).code).toBe(0);
    return await readFile(file, 'utf8');
  }

  it.each([['migrate', '--json'], ['status'], ['list']])(
    '%s with nothing to do loads no more than it needs',
    async (...args) => {
      const modules = await modulesOf(args);
      expect(modules).toContain('/node_modules/pg/');
      expect(modules).toMatch(new RegExp(`/commands/[a-z]+/${args[0]}\\.js`));
      for (const unused of ['jiti', 'listr2', 'libpg-query']) {
        expect(modules, unused).not.toContain(`/node_modules/${unused}/`);
      }
      expect(modules).not.toContain('/node_modules/node-pg-migrate/dist/legacy/migration.js');
      for (const unused of [
        'commands/index',
        'commands/fleet/doctor',
        'embedded/start',
        'engine/apply/lane',
        'executors/parent/worker',
      ]) {
        expect(modules, unused).not.toContain(`/dist/${unused}.js`);
      }
    },
  );

  it('has a place in the one order of commands', () => {
    expect(Object.keys(COMMANDS)).toEqual(COMMAND_NAMES);
  });
});
