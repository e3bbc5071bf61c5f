import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { transformWithOxc } from 'vite';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { createDomain } from '../../src/lifecycle/create-domain.js';
import { REPOSITORY } from '../support/build.js';
import { useDatabase } from '../support/database.js';
import { linkPackages } from '../support/packages.js';
import { ask } from './ask.js';
import { createRowSite, type RowSite } from './row-site.js';

const database = useDatabase();
let site: RowSite;

beforeAll(async () => {
  site = await createRowSite(database, ['acme', 'globex'], 1);
});
afterAll(() => site.close());

const SERVE = `import { app } from './app.js';
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

it('the sample of docs/row-level-tenants.md serves each tenant its own rows', async () => {
  const page = await readFile(join(REPOSITORY, 'docs/row-level-tenants.md'), 'utf8');
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text = '']) => text);
  const code = blocks.find((text) => text.includes('express()')) ?? '';
  const { files } = site.fleet;
  await files.write('app.js', (await transformWithOxc(code, 'app.ts')).code);
  await files.write('serve.js', SERVE);
  await files.write('package.json', '{"type":"module"}');
  await linkPackages(files.root, ['pg-tenants', 'express', 'kysely', 'pg']);
  // The fixture gave its rows numbers of its own.
  await database.query('ALTER TABLE customers ALTER COLUMN id RESTART WITH 100');
  const project = await site.fleet.project();
  for (const schema of ['acme', 'globex']) await createDomain(project, { schema, domain: `${schema}.example.com` });
  const url = new URL(database.url);
  url.username = site.role;
  url.password = 'secret';
  const child = spawn(process.execPath, ['serve.js'], {
    cwd: files.root,
    env: { ...process.env, APP_DATABASE_URL: url.href },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const lines = createInterface({ input: child.stdout });
    const [first] = (await Promise.race([once(lines, 'line'), once(child, 'exit')])) as [string];
    const port = Number(first);
    const headers = { 'content-type': 'application/json', 'content-length': '14' };
    const question = { method: 'POST', headers, body: JSON.stringify({ name: 'new' }) };
    const created = await ask(port, 'acme.example.com', '/customers', question);
    expect([created.status, created.body]).toEqual([201, 'Created']);
    const names = async (host: string): Promise<unknown> => JSON.parse((await ask(port, host, '/customers')).body);
    expect(await names('globex.example.com')).toEqual([{ name: 'globex 1' }]);
    expect(await names('acme.example.com')).toHaveLength(2);
    expect((await ask(port, 'unknown.example.com', '/customers')).status).toBe(404);
  } finally {
    const ended = once(child, 'exit');
    if (child.exitCode === null && child.kill()) await ended;
  }
});
