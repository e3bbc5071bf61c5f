// Calls the library as an application would: `migrate`, `status`, `plan` or `createTenant`.
import { readFileSync } from 'node:fs';

import { createTenant, exitCodeOf, migrate, openProject, plan, status } from '../../dist/index.js';
import { measured } from './usage.js';

const { url, folder, call, tenant, concurrency } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const begun = performance.now();
const project = await openProject({ cwd: folder, env: { DATABASE_URL: url }, flags: { concurrency } });
const calls = {
  migrate: async () => {
    const report = await migrate(project, { selection: { kind: 'all' } });
    if (exitCodeOf(report) !== 0) throw new Error(JSON.stringify(report).slice(0, 2000));
  },
  status: () => status(project),
  plan: () => plan(project, { selection: { kind: 'all' } }),
  create: () => createTenant(project, { schema: tenant }),
};
await calls[call]();
await project.close();
measured.workMs = performance.now() - begun;
