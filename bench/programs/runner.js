// node-pg-migrate's own runner for each tenant, over some connections of one process.
import { readFileSync } from 'node:fs';

import { runner } from 'node-pg-migrate';
import { Client } from 'pg';

import { measured } from './usage.js';

const { url, connections, tenants, directory } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const begun = performance.now();
const queue = tenants.values();
await Promise.all(
  Array.from({ length: Math.min(connections, tenants.length) }, async () => {
    const dbClient = new Client({ connectionString: url });
    await dbClient.connect();
    for (const tenant of queue) {
      await runner({
        dbClient,
        dir: directory,
        schema: [tenant, 'public'],
        migrationsSchema: tenant,
        migrationsTable: 'pgmigrations',
        direction: 'up',
        singleTransaction: true,
        noLock: true,
        logger: silent,
      });
    }
    await dbClient.end();
  }),
);
measured.workMs = performance.now() - begun;
