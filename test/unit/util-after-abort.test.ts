import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { forwardAbort, limitAfterAbort, sharedAbortController } from '../../src/util/after-abort.js';

const never = (): Promise<string> => new Promise(() => {});

describe('limitAfterAbort', () => {
  it('answers what the work answers, with and without a signal, and leaves no listener', async () => {
    const { signal } = new AbortController();
    expect(await limitAfterAbort(Promise.resolve('done'), undefined, 1, () => 'late')).toBe('done');
    expect(await limitAfterAbort(sleep(20, 'done'), signal, 1, () => 'late')).toBe('done');
    await expect(limitAfterAbort(Promise.reject(new Error('no')), signal, 1, () => 'late')).rejects.toThrow('no');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('waits for the given time after the abort, and no longer', async () => {
    const controller = new AbortController();
    const since = performance.now();
    const answer = limitAfterAbort(never(), controller.signal, 60, () => 'late');
    await sleep(40);
    controller.abort();
    expect(await answer).toBe('late');
    expect(performance.now() - since).toBeGreaterThan(90);
  });

  it('counts from now where the signal was aborted before', async () => {
    expect(await limitAfterAbort(sleep(5, 'done'), AbortSignal.abort(), 1000, () => 'late')).toBe('done');
    expect(await limitAfterAbort(never(), AbortSignal.abort(), 5, () => 'late')).toBe('late');
  });

  it('ignores a failure of the work that comes too late', async () => {
    const failing = sleep(30).then(() => Promise.reject(new Error('too late')));
    expect(await limitAfterAbort(failing, AbortSignal.abort(), 5, () => 'late')).toBe('late');
    await sleep(40);
  });

  it('throws what the caller throws for being late', async () => {
    const late = (): string => {
      throw new Error('given up');
    };
    await expect(limitAfterAbort(never(), AbortSignal.abort(), 5, late)).rejects.toThrow('given up');
  });
});

it('forwardAbort hands an abort on, also one of before, and lets go of the signal when it is told to', () => {
  const [source, target, until] = [new AbortController(), sharedAbortController(), new AbortController()];
  forwardAbort(source.signal, target, until.signal);
  until.abort();
  source.abort();
  expect(target.signal.aborted).toBe(false);
  forwardAbort(source.signal, target, new AbortController().signal);
  expect(target.signal.aborted).toBe(true);
});
