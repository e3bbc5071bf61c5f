import { describe, expect, it } from 'vitest';

import type { Plan } from '../../src/engine/types.js';
import { fitConnections } from '../../src/executors/fit-connections.js';
import { Chunks } from '../../src/executors/parent/chunks.js';
import type { TenantOutcome } from '../../src/executors/parent/dead-worker-outcome.js';
import { resultOfDeadWorker } from '../../src/executors/parent/result-of-dead-worker.js';
import { isFromWorker } from '../../src/executors/protocol.js';

describe('processes and lanes for the connections that are left', () => {
  it.each([
    { wanted: [2, 2], free: 97, fits: [2, 2] },
    { wanted: [2, 2], free: 6, fits: [2, 2] },
    { wanted: [2, 2], free: 5, fits: [1, 2] },
    { wanted: [8, 4], free: 20, fits: [4, 4] },
    { wanted: [1, 50], free: 12, fits: [1, 10] },
    { wanted: [3, 9], free: 8, fits: [1, 6] },
    { wanted: [4, 2], free: 0, fits: [1, 1] },
    { wanted: [4, 2], free: -3, fits: [1, 1] },
  ])('$wanted with $free free becomes $fits', ({ wanted, free, fits }) => {
    const [processes = 0, concurrency = 0] = wanted;
    expect(Object.values(fitConnections({ processes, concurrency }, free))).toEqual(fits);
  });
});

describe('the result of a tenant whose worker died', () => {
  const plan = { direction: 'up', segments: [{ migrations: [{ name: '0002_a' }] }] } as unknown as Plan;
  const held = { work: { tenant: 'acme', planId: 'p', schemaOid: 1 }, since: performance.now() };
  const cause = { how: 'was ended by SIGKILL' };
  const settle = (found: TenantOutcome, mayRetry = false) => resultOfDeadWorker(held, plan, found, cause, mayRetry);

  it('is success when its transaction was committed', () => {
    expect(settle({ kind: 'done' }, true)).toMatchObject({ status: 'applied', migrations: ['0002_a'] });
  });

  it('is none yet when it is where it was and may be tried again', () => {
    expect(settle({ kind: 'untouched' }, true)).toBeUndefined();
  });

  it.each<[TenantOutcome, object]>([
    [
      { kind: 'untouched' },
      {
        committed: [],
        error: { code: 'WORKER_DIED', message: expect.stringMatching(/SIGKILL; the tenant is where it was/) },
      },
    ],
    [
      { kind: 'partly', committed: ['0001'] },
      { committed: ['0001'], error: { code: 'WORKER_DIED', message: expect.stringMatching(/after 0001/) } },
    ],
    [{ kind: 'moved' }, { committed: [], error: { code: 'TENANT_MOVED' } }],
    [
      { kind: 'unknown', error: new Error('gone') },
      {
        unknownOutcome: true,
        error: { code: 'WORKER_DIED', message: expect.stringMatching(/could not be found out: gone/) },
      },
    ],
  ])('is failure for %o', (found, expected) => {
    expect(settle(found)).toMatchObject({ tenant: 'acme', status: 'failed', ...expected });
  });
});

describe('chunks', () => {
  async function* count(to: number) {
    for (let index = 1; index <= to; index += 1) yield { tenant: `t${index}`, planId: 'p', schemaOid: index };
  }
  const namesOf = (chunk: { tenant: string }[]) => chunk.map(({ tenant }) => tenant).join();

  it('keep the order and stay together, however many ask at once', async () => {
    const chunks = new Chunks(count(7), 3);
    const taken = await Promise.all([chunks.take(), chunks.take(), chunks.take(), chunks.take()]);
    expect(taken.map(namesOf)).toEqual(['t1,t2,t3', 't4,t5,t6', 't7', '']);
  });

  it('take nothing more from the queue once they are ended', async () => {
    const chunks = new Chunks(count(7), 2);
    await chunks.take();
    chunks.end();
    expect(await chunks.take()).toEqual([]);
  });

  it('read no further ahead than they are asked for', async () => {
    let read = 0;
    async function* counting() {
      for await (const one of count(1000)) {
        read += 1;
        yield one;
      }
    }
    await new Chunks(counting(), 5).take();
    expect(read).toBe(5);
  });
});

it.each([null, 'text', 7, {}, { type: 'of a migration' }, { type: 7 }])('%o is no message of a worker', (message) => {
  expect(isFromWorker(message)).toBe(false);
});
