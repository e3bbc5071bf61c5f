import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import type { ChannelListeners, WorkerExit } from '../../src/executors/channel.js';
import { Worker, type WorkerOptions } from '../../src/executors/parent/worker.js';
import { PROTOCOL_VERSION, type ToWorker } from '../../src/executors/protocol.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function startedWorker(options: Partial<WorkerOptions> = {}) {
  const sent: ToWorker[] = [];
  const results: string[] = [];
  let listeners: ChannelListeners | undefined;
  let end: (exit: WorkerExit) => void = () => {};
  const exited = new Promise<WorkerExit>((resolve) => (end = resolve));
  const kill = vi.fn(() => end({ how: 'was ended by SIGKILL' }));
  const worker = new Worker({
    start: (given) => {
      listeners = given;
      return { send: (message) => void sent.push(message), kill, exited };
    },
    setup: {} as never,
    silenceMs: 5000,
    planOf: (id) => ({ id }) as never,
    password: () => Promise.resolve('secret'),
    onStart: () => {},
    onResult: ({ tenant }) => void results.push(tenant),
    onOutput: () => {},
    ...options,
  });
  const say: ChannelListeners['onMessage'] = (message) => listeners?.onMessage(message);
  return { worker, sent, results, say, end, kill, types: () => sent.map(({ type }) => type) };
}

const work = (tenant: string, planId = 'p1') => ({ tenant, planId, schemaOid: 1 });
const hello = { type: 'hello', version: PROTOCOL_VERSION } as const;
const result = (tenant: string) => ({ type: 'result', result: { tenant, status: 'upToDate' } }) as const;

it('a worker hears nothing before it listens, then everything in order, and each plan once', () => {
  const { worker, sent, say, types } = startedWorker();
  worker.hand([work('a'), work('b', 'p2')]);
  expect(sent).toEqual([]);
  expect(worker.hasBegun).toBe(false);
  say(hello);
  worker.hand([work('c'), work('d', 'p2')]);
  expect(types()).toEqual(['setup', 'plan', 'plan', 'chunk', 'chunk']);
});

it('a worker of another version is not spoken to', async () => {
  const { worker, sent, say } = startedWorker();
  say({ type: 'hello', version: PROTOCOL_VERSION + 1 });
  await worker.untilHolds(-1);
  expect(sent).toEqual([]);
  expect(worker.death?.how).toContain('another version');
});

it('a second result, and one for a tenant that it does not hold, count for nothing', () => {
  const { worker, say, results } = startedWorker();
  worker.hand([work('a')]);
  for (const message of [hello, result('b'), result('a'), result('a')]) say(message);
  expect(results).toEqual(['a']);
  expect(worker.held).toEqual([]);
});

it('silence kills a worker, signs of life keep it', async () => {
  const { worker, say, kill } = startedWorker();
  say(hello);
  worker.hand([work('a')]);
  for (let second = 0; second < 20; second += 1) {
    vi.advanceTimersByTime(1000);
    say({ type: 'alive' });
  }
  expect(kill).not.toHaveBeenCalled();
  vi.advanceTimersByTime(6000);
  expect(kill).toHaveBeenCalled();
  await worker.untilHolds(0);
  expect(worker.death?.how).toContain('silent for 5 s');
  expect(worker.held.map(({ work: { tenant } }) => tenant)).toEqual(['a']);
});

it('what it gives back it does not hold any more', () => {
  const { worker, say } = startedWorker();
  worker.hand([work('a'), work('b')]);
  say(hello);
  say({ type: 'givenBack', tenants: ['b'] });
  expect(worker.held.map(({ work: { tenant } }) => tenant)).toEqual(['a']);
});

it('a password is made again whenever it is asked for, and a failure is told', async () => {
  const password = vi
    .fn<() => Promise<string>>()
    .mockResolvedValueOnce('one')
    .mockRejectedValueOnce(new Error('expired'));
  const { say, sent } = startedWorker({ password });
  say(hello);
  say({ type: 'askPassword', id: 1 });
  say({ type: 'askPassword', id: 2 });
  await vi.advanceTimersByTimeAsync(0);
  expect(sent.slice(1)).toEqual([
    { type: 'password', id: 1, password: 'one' },
    { type: 'noPassword', id: 2, message: 'expired' },
  ]);
});

it('what it says before it dies explains its death', async () => {
  const { worker, say, end } = startedWorker();
  worker.hand([work('a')]);
  say(hello);
  say({ type: 'failed', error: { name: 'Error', code: 'UNEXPECTED', message: 'late' } });
  end({ how: 'ended with exit code 1' });
  await worker.untilHolds(0);
  expect(worker.death).toMatchObject({ how: 'ended with exit code 1', error: { message: 'late' } });
});
