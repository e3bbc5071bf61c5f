// The floor: sends ready-made SQL over some connections, one message after the other on each, and does nothing else.
import { readFileSync } from 'node:fs';

import { Client } from 'pg';

import { measured } from './usage.js';

const { url, connections, texts, body } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const begun = performance.now();
const queue = texts.values();
await Promise.all(
  Array.from({ length: Math.min(connections, texts.length) }, async () => {
    const client = new Client({ connectionString: url });
    await client.connect();
    for (const text of queue) await client.query(text + body);
    await client.end();
  }),
);
measured.workMs = performance.now() - begun;
