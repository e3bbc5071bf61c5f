import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { BoundedMap } from '../../src/runtime/bounded-map.js';
import { LookupCache } from '../../src/runtime/lookup-cache.js';

type Value = { name: string };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});

afterEach(() => {
  vi.useRealTimers();
});

function cacheOf(limits: Partial<{ ttl: number; negativeTtl: number; max: number }> = {}) {
  const cache = new LookupCache<Value>({ ttl: 100, negativeTtl: 10, max: 100, ...limits });
  let asked = 0;
  const get = (key: string, value: Value | null | Promise<Value | null> = { name: key }) =>
    cache.get(key, () => {
      asked += 1;
      return Promise.resolve(value);
    });
  return { cache, get, asked: () => asked };
}

describe('the look-up cache', () => {
  it('counts an answer’s age from the question, not from the answer', async () => {
    const { get, asked } = cacheOf();
    let answer: (value: Value) => void = () => undefined;
    const slow = get('a', new Promise((resolve) => (answer = resolve)));
    vi.advanceTimersByTime(60);
    answer({ name: 'a' });
    await slow;
    vi.advanceTimersByTime(39);
    await get('a');
    expect(asked()).toBe(1);
    vi.advanceTimersByTime(1);
    await get('a');
    expect(asked()).toBe(2);
  });

  it('does not join a question that is older than the time to live', async () => {
    const { get, asked } = cacheOf();
    void get('a', new Promise(() => undefined));
    vi.advanceTimersByTime(99);
    void get('a');
    expect(asked()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(await get('a')).toEqual({ name: 'a' });
    expect(asked()).toBe(2);
  });

  it('keeps "unknown" for its own time', async () => {
    const { get, asked } = cacheOf();
    await get('a', null);
    vi.advanceTimersByTime(9);
    expect(await get('a')).toBeNull();
    vi.advanceTimersByTime(1);
    expect(await get('a')).toEqual({ name: 'a' });
    expect(asked()).toBe(2);
  });

  it('forgets by key, and by value together with every "unknown"', async () => {
    const { cache, get, asked } = cacheOf();
    for (const key of ['a', 'b', 'c']) await get(key);
    await get('d', null);
    cache.forget(['a']);
    for (const key of ['a', 'b', 'c', 'd']) await get(key, key === 'd' ? null : { name: key });
    expect(asked()).toBe(5);
    cache.forgetWhere(({ name }) => name === 'b');
    for (const key of ['a', 'b', 'c', 'd']) await get(key);
    expect(asked()).toBe(7);
  });

  it.each(['forget', 'forgetWhere', 'clear'] as const)('does not keep what was asked before %s', async (way) => {
    const { cache, get } = cacheOf();
    let answer: (value: Value) => void = () => undefined;
    const early = get('a', new Promise((resolve) => (answer = resolve)));
    if (way === 'forget') cache.forget(['a']);
    else if (way === 'clear') cache.clear();
    else cache.forgetWhere(() => false);
    const late = get('a', { name: 'new' });
    answer({ name: 'old' });
    expect(await early).toEqual({ name: 'old' });
    expect(await late).toEqual({ name: 'new' });
    expect(await get('a')).toEqual({ name: 'new' });
  });

  it('asks again after a failure, and keeps nothing with a time to live of 0', async () => {
    const { get, asked } = cacheOf();
    await expect(get('a', Promise.reject(new Error('no')))).rejects.toThrow('no');
    await get('a');
    expect(asked()).toBe(2);
    const none = cacheOf({ ttl: 0 });
    await none.get('a');
    await none.get('a');
    expect(none.asked()).toBe(2);
  });
});

describe('generations', () => {
  it('never hold more than their bound, and keep what is in use', () => {
    const map = new BoundedMap<number>(100);
    map.set('used', 1);
    for (let i = 0; i < 10_000; i += 1) {
      map.set(`key${i}`, i);
      expect(map.size).toBeLessThanOrEqual(100);
      if (i % 10 === 0) expect(map.get('used')).toBe(1);
    }
    expect(map.get('key0')).toBeUndefined();
    expect(map.get('key9999')).toBe(9999);
  });

  it('forget in both generations', () => {
    const map = new BoundedMap<number>(4);
    for (const key of ['a', 'b', 'c']) map.set(key, key.charCodeAt(0));
    map.deleteWhere((value) => value === 97);
    map.delete('c');
    expect(['a', 'b', 'c'].map((key) => map.get(key))).toEqual([undefined, 98, undefined]);
  });
});
