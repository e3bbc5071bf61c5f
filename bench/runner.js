// node-pg-migrate's own runner for each tenant, over a pool of connections in one process.
import { readFileSync } from 'node:fs';

import { runner } from 'node-pg-migrate';
import { Client } from 'pg';

const { url, connections, tenants, directory } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const queue = tenants.values();
await Promise.all(
  Array.from({ length: connections }, async () => {
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
