import { Client } from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { BatchError, forgetPrepared, sendBatch } from '../../src/db/batch.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase();
let client: Client;

beforeEach(async () => {
  client = new Client(database.config);
  await client.connect();
});
afterEach(async () => {
  await client.end();
});

const KEPT = { text: 'SELECT $1::int + 1', prepared: true };

async function preparedTexts(): Promise<string[]> {
  const { rows } = await client.query<{ statement: string }>('SELECT statement FROM pg_prepared_statements ORDER BY 1');
  return rows.map(({ statement }) => statement);
}

it('the answers come in order, with NULL and numbers as text', async () => {
  const answers = await sendBatch(client, [
    { text: 'SELECT $1::text, $2::int, $3::bool', values: [null, 7, true] },
    { text: '' },
    { text: 'CREATE TEMP TABLE t (a int)' },
  ]);
  expect(answers).toEqual([
    { command: 'SELECT 1', rows: [[null, '7', 't']] },
    { command: '', rows: [] },
    { command: 'CREATE TABLE', rows: [] },
  ]);
});

it('a statement that is kept is prepared once, whatever its values', async () => {
  for (const value of [1, 2, 3]) {
    const [answer] = await sendBatch(client, [{ ...KEPT, values: [value] }]);
    expect(answer?.rows).toEqual([[String(value + 1)]]);
  }
  await sendBatch(client, [
    { ...KEPT, values: [4] },
    { text: 'SELECT $1::text', prepared: true, values: ['x'] },
    { text: 'SELECT 1' },
  ]);
  expect(await preparedTexts()).toEqual([KEPT.text, 'SELECT $1::text']);
});

it('one that fails when it is first carried out can be sent again, and is kept once', async () => {
  const risky = { text: 'SELECT 1 / $1::int', prepared: true };
  for (const _ of [1, 2]) {
    await expect(sendBatch(client, [{ ...risky, values: [0] }])).rejects.toMatchObject({ index: 0 });
  }
  expect((await sendBatch(client, [{ ...risky, values: [1] }]))[0]?.rows).toEqual([['1']]);
  await expect(sendBatch(client, [{ ...risky, values: [0] }])).rejects.toBeInstanceOf(BatchError);
  expect((await sendBatch(client, [{ ...risky, values: [1] }]))[0]?.rows).toEqual([['1']]);
  expect(await preparedTexts()).toEqual([risky.text]);
});

it('one that stands after a failure was never seen, and is prepared by the next batch', async () => {
  await expect(sendBatch(client, [{ text: 'SELECT 1 / 0' }, { ...KEPT, values: [1] }])).rejects.toMatchObject({
    index: 0,
    cause: { code: '22012' },
  });
  expect(await preparedTexts()).toEqual([]);
  expect((await sendBatch(client, [{ ...KEPT, values: [1] }]))[0]?.rows).toEqual([['2']]);
});

it('after a DISCARD ALL all are prepared again, once that is said', async () => {
  await sendBatch(client, [{ ...KEPT, values: [1] }]);
  await client.query('DISCARD ALL');
  await expect(sendBatch(client, [{ ...KEPT, values: [1] }])).rejects.toMatchObject({ cause: { code: '26000' } });
  forgetPrepared(client);
  expect((await sendBatch(client, [{ ...KEPT, values: [1] }]))[0]?.rows).toEqual([['2']]);
});

it('nothing that follows a failed statement is carried out, not even outside a transaction', async () => {
  await client.query('CREATE TABLE seen (n int)');
  const items = ['BEGIN', 'INSERT INTO seen VALUES (1)', 'SELECT nonsense', 'INSERT INTO seen VALUES (2)', 'COMMIT'];
  await expect(
    sendBatch(
      client,
      items.map((text) => ({ text })),
    ),
  ).rejects.toMatchObject({ index: 2, cause: { code: '42703' } });
  await client.query('ROLLBACK');
  expect((await client.query('SELECT * FROM seen')).rows).toEqual([]);
});

it('a connection that is gone fails the batch', async () => {
  client.on('error', () => {});
  const gone = sendBatch(client, [{ text: 'SELECT pg_terminate_backend(pg_backend_pid())' }, { text: 'SELECT 1' }]);
  await expect(gone).rejects.toBeInstanceOf(BatchError);
  await expect(sendBatch(client, [{ text: 'SELECT 1' }])).rejects.toThrow();
});
