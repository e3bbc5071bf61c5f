import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { REPOSITORY } from '../support/build.js';
import { useDatabase } from '../support/database.js';
import { createProject, type TestProject } from '../support/project.js';

const execute = promisify(execFile);
const database = useDatabase();
let consumer: TestProject;

/** A project that has the package as npm would publish it, and nothing else of this repository but its dependencies. */
beforeAll(async () => {
  consumer = await createProject({ 'package.json': '{ "type": "module" }' }, { name: 'consumer of it' });
  const { stdout } = await execute('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: REPOSITORY });
  const packed = JSON.parse(stdout) as { files: { path: string }[] }[] | Record<string, { files: { path: string }[] }>;
  const [{ files }] = Object.values(packed) as [{ files: { path: string }[] }];
  const modules = consumer.path('node_modules');
  for (const { path: file } of files) {
    await mkdir(path.dirname(path.join(modules, 'pg-tenants', file)), { recursive: true });
    await cp(path.join(REPOSITORY, file), path.join(modules, 'pg-tenants', file));
  }
  for (const name of await readdir(path.join(REPOSITORY, 'node_modules'))) {
    if (!name.startsWith('.')) await symlink(path.join(REPOSITORY, 'node_modules', name), path.join(modules, name));
  }
});
afterAll(() => consumer.remove());

const tenants = (...args: string[]) =>
  execute(process.execPath, [consumer.path('node_modules', 'pg-tenants', 'bin', 'run.js'), ...args], {
    cwd: consumer.root,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], DATABASE_URL: database.url },
  });

it('the command works in a project that has the package as a dependency', async () => {
  await tenants('init');
  await tenants('migrate', '--shared');
  await tenants('create-tenant', 'acme', 'acme.example.com');
  const { stdout } = await tenants('status', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ tenants: { total: 1, upToDate: 1 } });
});

it('the types that an application reads name no package that only the build needs', async () => {
  const { dependencies, exports } = JSON.parse(await readFile(path.join(REPOSITORY, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
    exports: Record<string, { types?: string }>;
  };
  const open = Object.values(exports).flatMap(({ types }) => (types === undefined ? [] : path.join(REPOSITORY, types)));
  const read = new Set<string>();
  const packages = new Set<string>();
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (read.has(file)) continue;
    read.add(file);
    const text = await readFile(file, 'utf8');
    for (const [, name = ''] of text.matchAll(/(?:from |import\()'([^']+)'/g)) {
      if (name.startsWith('.')) open.push(path.resolve(path.dirname(file), name.replace(/\.js$/, '.d.ts')));
      else if (!name.startsWith('node:')) packages.add(/^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
    }
  }
  expect(read.size).toBeGreaterThan(20);
  const peers = ['express', 'fastify', 'kysely'];
  expect([...packages].filter((name) => !Object.hasOwn(dependencies, name) && !peers.includes(name))).toEqual([]);
});

it('the library is imported from plain JavaScript', async () => {
  await writeFile(
    consumer.path('use.js'),
    `import { openProject, status, createTenant, TenantsError } from 'pg-tenants';
     const project = await openProject({ cwd: process.cwd(), env: process.env });
     await createTenant(project, { schema: 'from_javascript' });
     try { await createTenant(project, { schema: 'No Name' }); } catch (error) { console.log(error instanceof TenantsError, error.code); }
     console.log((await status(project)).tenants.total);
     await project.close();`,
  );
  const { stdout } = await execute(process.execPath, ['use.js'], {
    cwd: consumer.root,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], DATABASE_URL: database.url },
  });
  expect(stdout.split('\n')).toEqual(['true INVALID_NAME', '2', '']);
});

it('a new migration in TypeScript imports nothing but this package, and is accepted by the compiler', async () => {
  const own = consumer.path('node_modules', 'pg-tenants', 'node_modules', 'node-pg-migrate');
  await cp(path.join(REPOSITORY, 'node_modules', 'node-pg-migrate'), own, { recursive: true });
  await rm(consumer.path('node_modules', 'node-pg-migrate'));
  const file = (await tenants('create-migration', 'typed', '--language', 'ts')).stdout.trim();
  const imports = (await readFile(consumer.path(file), 'utf8')).match(/from '[^']+'/g);
  expect(imports).toEqual([`from 'pg-tenants/migrations'`]);
  expect(await compile(file)).toBe('');
  expect((await tenants('plan', '--json')).stdout).toContain('_typed');
});

it('its types are accepted by a strict TypeScript project', async () => {
  await writeFile(
    consumer.path('use.ts'),
    `import { defineConfig, migrate, openProject, type MigrateReport, type TenantResult } from 'pg-tenants';
     export default defineConfig({ database: 'embedded', tenants: { migrations: './m', types: { shop: './s' } }, lockTimeout: '3s' });
     export async function run(): Promise<string[]> {
       const project = await openProject({ cwd: '.', env: {} });
       const report: MigrateReport = await migrate(project, { selection: { kind: 'tenants', names: ['acme'] }, target: { count: 1 } });
       await project.close();
       return report.results.map((result: TenantResult) => result.status === 'failed' ? result.error.message : result.tenant);
     }
     // @ts-expect-error a misspelt key
     defineConfig({ databse: 'embedded' });`,
  );
  expect(await compile('use.ts')).toBe('');
});

/** What the compiler says of a file; empty when it is right. */
async function compile(file: string): Promise<string> {
  await writeFile(
    consumer.path('tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        strict: true,
        noEmit: true,
        module: 'NodeNext',
        target: 'ES2022',
        lib: ['ES2023'],
        types: ['node'],
      },
      files: [file],
    }),
  );
  const compiler = path.join(REPOSITORY, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = await execute(process.execPath, [compiler, '-p', consumer.path('tsconfig.json')]).catch(
    (error: { stdout: string }) => error,
  );
  return stdout;
}
