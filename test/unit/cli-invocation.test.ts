import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { findInvocation } from '../../src/cli/invocation.js';

let folder: string;
let root: string;
const at = (...parts: string[]): string => join(folder, ...parts);

/** A folder with a program `tenants` that leads to the package, another with a shim of it, and a third with someone else's. */
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'tenants-invocation-')));
  root = at('project', 'node_modules', 'pg-tenants');
  await mkdir(join(root, 'bin'), { recursive: true });
  await writeFile(join(root, 'bin', 'run.js'), '');
  for (const name of [
    'linked',
    'shim',
    'other',
    'project/node_modules/.bin',
    'xfs-1234',
    'npm',
    'pnpm',
    'yarn',
    'bun',
  ]) {
    await mkdir(at(name), { recursive: true });
  }
  for (const name of ['linked', 'project/node_modules/.bin', 'xfs-1234']) {
    await symlink(join(root, 'bin', 'run.js'), at(name, 'tenants'));
  }
  await writeFile(at('shim', 'tenants'), '#!/bin/sh\nexec node "$basedir/node_modules/pg-tenants/bin/run.js" "$@"\n');
  await writeFile(at('other', 'tenants'), '#!/bin/sh\necho another program\n');
  await writeFile(at('pnpm', 'pnpm-lock.yaml'), '');
  await writeFile(at('yarn', 'yarn.lock'), '');
  await writeFile(at('bun', 'bun.lock'), '');
  await writeFile(at('npm', 'package-lock.json'), '');
  await chmod(at('shim', 'tenants'), 0o755);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Options = { path?: string[]; agent?: string; cwd?: string; root?: string; pnp?: boolean };

function found({ path = [], agent, cwd = 'project', root: home = root, pnp = false }: Options): string {
  const env = { PATH: ['/nowhere', ...path.map((name) => at(name))].join(delimiter), npm_config_user_agent: agent };
  return findInvocation({ root: home, cwd: at(cwd), env, pnp, platform: 'linux' });
}

describe('printed commands begin with what the user can type', () => {
  it.each<[string, Options, string]>([
    ['npm runs it', { agent: 'npm/10.8.2 node/v20.11.0 linux x64' }, 'npx tenants'],
    ['pnpm runs it', { agent: 'pnpm/9.1.0 npm/? node/v20.11.0 linux x64' }, 'pnpm exec tenants'],
    ['Yarn runs it', { agent: 'yarn/4.5.0 npm/? node/v20.11.0 linux x64' }, 'yarn tenants'],
    ['Bun runs it', { agent: 'bun/1.1.0 npm/? node/v20.11.0 linux x64' }, 'bunx tenants'],
    ['nothing runs it and npm locked the project', { cwd: 'npm' }, 'npx tenants'],
    ['nothing runs it and pnpm locked the project', { cwd: 'pnpm' }, 'pnpm exec tenants'],
    ['nothing runs it and Yarn locked the project', { cwd: 'yarn' }, 'yarn tenants'],
    ['nothing runs it and Bun locked the project', { cwd: 'bun' }, 'bunx tenants'],
    ['Plug’n’Play resolves its imports', { root: '/cache/pg-tenants', pnp: true }, 'yarn tenants'],
    ['it is a link on the PATH', { path: ['linked'] }, 'tenants'],
    ['it is a shim on the PATH', { path: ['shim'] }, 'tenants'],
    ['another program has its name on the PATH', { path: ['other'], cwd: 'npm' }, 'npx tenants'],
    [
      'the user put the folder of the project’s programs on the PATH',
      { path: ['project/node_modules/.bin'] },
      'tenants',
    ],
    ['npm put that folder there', { path: ['project/node_modules/.bin'], agent: 'npm/10.8.2 node/v20' }, 'npx tenants'],
    ['Yarn put its wrappers there', { path: ['xfs-1234'], agent: 'yarn/4.5.0 npm/? node/v20' }, 'yarn tenants'],
    ['npx installed it for once', { root: '/home/a/.npm/_npx/12ab/node_modules/pg-tenants' }, 'npx pg-tenants'],
    [
      'pnpm installed it for once',
      { root: '/home/a/.cache/pnpm/dlx/12ab/node_modules/pg-tenants', agent: 'pnpm/9.1.0 npm/? node/v20' },
      'pnpm dlx pg-tenants',
    ],
    [
      'Yarn installed it for once',
      { root: '/tmp/xfs-1/dlx-77/node_modules/pg-tenants', agent: 'yarn/4.5.0 npm/? node/v20' },
      'yarn dlx pg-tenants',
    ],
    ['Bun installed it for once', { root: '/tmp/bunx-0-pg-tenants@latest/node_modules/pg-tenants' }, 'bunx pg-tenants'],
    ['it runs from a checkout', { root: '/src/pg-tenants', agent: 'npm/10.8.2 node/v20' }, 'tenants'],
  ])('when %s', (_, options, expected) => {
    expect(found(options)).toBe(expected);
  });
});
