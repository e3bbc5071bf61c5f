// Starts the example: node examples/express/start.js
//
// Without DATABASE_URL it brings its own PostgreSQL, whose data stay in `.tenants/` beside this file. PORT is 3000 unless set.
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { Pool } from 'pg';
import { createTenant, migrate, openProject } from 'pg-tenants';
import { createTenancy } from 'pg-tenants/runtime';

import { createApp } from './app.js';

const logger = { warn: (fields, message) => process.stderr.write(`${message} ${fields.err ?? ''}\n`) };

const project = await openProject({ cwd: fileURLToPath(new URL('.', import.meta.url)), env: process.env });
const report = await migrate(project, { selection: { kind: 'all' } });
for (const { tenant, error } of report.results.filter(({ status }) => status === 'failed')) {
  process.stderr.write(`${tenant}: ${error.message}\n`);
}
for (const [schema, label] of [
  ['public', 'Notebooks'],
  ['acme', 'Acme Ltd.'],
  ['globex', 'Globex Corporation'],
]) {
  const domain = schema === 'public' ? 'localhost' : `${schema}.localhost`;
  await createTenant(project, { schema, label, domains: [domain], ifNotExists: true });
}

const pool = new Pool(project.database);
pool.on('error', (err) => logger.warn({ err }, 'A connection broke while nobody used it.'));
const tenancy = createTenancy({ pool, migrations: project.tenants.migrations, logger });
const server = createApp(tenancy, project).listen(Number(process.env.PORT ?? 3000));
await once(server, 'listening');
process.stdout.write(`The website: http://localhost:${server.address().port}/ (Ctrl+C ends it)\n`);

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop());

async function stop() {
  server.close();
  server.closeIdleConnections();
  await once(server, 'close');
  await tenancy.close();
  await pool.end();
  await project.close();
}
