// The floor: sends ready-made SQL over some connections, one message a tenant, and does nothing else.
import { readFileSync } from 'node:fs';

import { Client } from 'pg';

const { url, connections, texts } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const queue = texts.values();
await Promise.all(
  Array.from({ length: Math.min(connections, texts.length) }, async () => {
    const client = new Client({ connectionString: url });
    await client.connect();
    for (const text of queue) await client.query(text);
    await client.end();
  }),
);
