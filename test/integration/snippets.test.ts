import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ask } from '../runtime/ask.js';
import { REPOSITORY } from '../support/build.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { linkPackages } from '../support/packages.js';
import { createProject, type TestProject } from '../support/project.js';

/** A block of code of a page; `line` is where its fence is. */
type Snippet = { page: string; line: number; code: string };

/** What snippets take for granted, beside what they import themselves. */
const GIVEN = `import type { FastifyInstance } from 'fastify';
declare global {
  const tenancy: import('pg-tenants/runtime').Tenancy;
  const tenant: import('pg-tenants/runtime').Tenant;
  const app: import('express').Express;
  const fastify: FastifyInstance;
  // Fits wherever a handler of some kind is wanted.
  const website: never, workspace: never, home: never, dashboard: never;
}
`;

const TSCONFIG = JSON.stringify({
  compilerOptions: {
    target: 'ES2023',
    lib: ['ES2023', 'ESNext.Disposable'],
    module: 'NodeNext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ['*.ts'],
});

const EXCERPT = '<!-- excerpt of the configuration -->\n\n';

/** All blocks of TypeScript in a page; one that is marked as an excerpt of the configuration is put into one. */
function snippetsOf(page: string, text: string): Snippet[] {
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => {
    const [, code = ''] = match;
    const excerpt = text.slice(0, match.index).endsWith(EXCERPT);
    return {
      page,
      line: text.slice(0, match.index).split('\n').length,
      code: excerpt
        ? `import { defineConfig } from 'pg-tenants';\nexport default defineConfig({ database: 'embedded',\n${code}});`
        : code,
    };
  });
}

async function readSnippets(): Promise<Snippet[]> {
  const found = await readdir(join(REPOSITORY, 'docs'), { recursive: true });
  const pages = found.filter((name) => name.endsWith('.md')).sort();
  const all = ['README.md', ...pages.map((name) => `docs/${name}`)];
  const texts = await Promise.all(all.map((page) => readFile(join(REPOSITORY, page), 'utf8')));
  return all.flatMap((page, index) => snippetsOf(page, texts[index] ?? ''));
}

/** The packages of an application, with this one among them. */
async function addPackages(project: TestProject): Promise<void> {
  await project.write('package.json', '{ "type": "module" }');
  const packages = ['@types', 'drizzle-orm', 'express', 'fastify', 'knex', 'kysely', 'pg'];
  await linkPackages(project.root, ['pg-tenants', ...packages]);
}

/** What the compiler has to say, with the pages' names. */
async function typeCheck(snippets: Snippet[]): Promise<string[]> {
  const project = await createProject({ 'tsconfig.json': TSCONFIG, 'given.ts': GIVEN });
  await addPackages(project);
  const files = snippets.map(({ page, line }) => `${page.replaceAll(/\W/g, '_')}_${line}.ts`);
  for (const [index, { code }] of snippets.entries()) {
    await project.write(files[index] ?? '', `${code}\nexport {};\n`);
  }
  const tsc = join(REPOSITORY, 'node_modules', 'typescript', 'bin', 'tsc');
  const said = await promisify(execFile)(process.execPath, [tsc, '-p', project.root], { cwd: project.root }).then(
    ({ stdout }) => stdout,
    (error: Error & { stdout?: string }) => error.stdout ?? String(error),
  );
  await project.remove();
  return said.split('\n').filter((line) => line !== '');
}

describe('every block of TypeScript in the documentation', () => {
  it('has the types of what is built', async () => {
    const snippets = await readSnippets();
    const pages = new Set(snippets.map(({ page }) => page));
    for (const page of [
      'README.md',
      'docs/configuration.md',
      'docs/formats.md',
      'docs/hooks.md',
      'docs/runtime.md',
      'docs/scripting.md',
    ]) {
      expect(pages).toContain(page);
    }
    expect(snippets.length).toBeGreaterThanOrEqual(15);
    expect(await typeCheck(snippets)).toEqual([]);
  }, 60_000);

  it('would be found out if it had not', async () => {
    const page = `${EXCERPT}\`\`\`ts\nconcurency: 8,\n\`\`\`\n\n\`\`\`ts\nawait tenancy.resolv('x');\n\`\`\`\n`;
    const said = await typeCheck(snippetsOf('page.md', page));
    expect(said.join('\n')).toMatch(/page_md_3\.ts.*concurency/);
    expect(said.join('\n')).toMatch(/page_md_7\.ts.*resolv/);
  }, 60_000);
});

describe('the blocks that are whole programs', () => {
  const database = useDatabase({ name: 'snippets' });
  let fleet: TestFleet;
  let snippets: Snippet[];

  beforeAll(async () => {
    fleet = await createFleet(database);
    await addPackages(fleet.files);
    await fleet.migrate();
    await fleet.create('acme');
    await database.query(`INSERT INTO domains (domain, tenant_id) SELECT 'acme.example.com', id FROM tenants`);
    await database.query(`INSERT INTO acme.projects (name) VALUES ('mine')`);
    snippets = await readSnippets();
  });

  afterAll(() => fleet.remove());

  const containing = (text: string): Snippet[] => snippets.filter(({ code }) => code.includes(text));

  /** They are written without types, so that Node runs them as they are. */
  async function write(code: string): Promise<{ cwd: string; env: NodeJS.ProcessEnv; file: string }> {
    const file = await fleet.files.write('snippet.mjs', code);
    return { cwd: fleet.files.root, env: { ...process.env, DATABASE_URL: database.url }, file };
  }

  it('serve a tenant', async () => {
    // That of the page about row-level tenants is TypeScript, and has a test of its own.
    const servers = containing('const app = express()').filter(({ page }) => page !== 'docs/row-level-tenants.md');
    expect(servers.map(({ page }) => page)).toEqual(['README.md', 'docs/getting-started.md', 'docs/runtime.md']);
    for (const { code } of servers) {
      const serve = 'const s = app.listen(0, () => process.stdout.write(`${s.address().port}\\n`));';
      const { file, ...options } = await write(`${code.replace('app.listen(3000);', '')}\n${serve}`);
      const child = spawn(process.execPath, [file], { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = once(child, 'exit');
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
      const answer = await ask(Number(line), 'acme.example.com');
      expect(JSON.parse(answer.body)).toEqual([{ id: '1', name: 'mine' }]);
      expect(await ask(Number(line), 'nobody.example.com')).toMatchObject({ status: 404 });
      child.kill();
      await ended;
    }
  });

  it('drive the fleet from a program', async () => {
    const [program] = containing('await rollback(project');
    const { file, ...options } = await write(program?.code ?? '');
    const { stdout } = await promisify(execFile)(process.execPath, [file], options);
    expect(stdout).toContain('initech');
    expect(await fleet.applied('initech')).toEqual([]);
    expect(await fleet.applied('acme')).toEqual(['0001_projects']);
  });

  it('give a test its tenant', async () => {
    const [program] = containing('withTestTenant');
    const code = program?.code.replace(/\}\);\s*await project/, 'process.stdout.write(domain); });\nawait project');
    const { file, ...options } = await write(code ?? '');
    const { stdout } = await promisify(execFile)(process.execPath, [file], options);
    expect(stdout).toMatch(/^test-[0-9a-f]{12}\.test$/);
    expect((await database.query(`SELECT 1 FROM tenants WHERE schema_name LIKE 'test%'`)).rowCount).toBe(0);
  });
});
