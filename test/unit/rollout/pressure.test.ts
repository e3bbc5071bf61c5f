import { describe, expect, it } from 'vitest';

import { describePressure, ReplicaLags } from '../../../src/run/rollout/pressure.js';

const replica = (replayed: number, lagMs = 0, name = 'r') => ({ name, replayed, lagMs });

describe('the lag of replicas', () => {
  it('is none where everything was replayed, whatever the last measure was', () => {
    expect(new ReplicaLags().behind([replica(100, 9000)], 100, 0)).toEqual({ name: 'r', lagMs: 0 });
  });

  it('is that of the server where it says more', () => {
    expect(new ReplicaLags().behind([replica(90, 9000)], 100, 0)?.lagMs).toBe(9000);
  });

  it('grows while a replica stands still and says nothing', () => {
    const lags = new ReplicaLags();
    const seen = [0, 1000, 2000, 3000].map((at) => lags.behind([replica(100)], 100 + at, at)?.lagMs);
    expect(seen).toEqual([0, 0, 1000, 2000]);
  });

  it('shrinks again as it catches up', () => {
    const lags = new ReplicaLags();
    for (const at of [0, 1000, 2000, 3000]) lags.behind([replica(0)], at, at);
    expect(lags.behind([replica(2000)], 4000, 4000)?.lagMs).toBe(1000);
    expect(lags.behind([replica(4000)], 4000, 5000)?.lagMs).toBe(0);
  });

  it('is that of the replica that is furthest behind', () => {
    const found = new ReplicaLags().behind([replica(90, 10, 'a'), replica(80, 20, 'b'), replica(100, 0, 'c')], 100, 0);
    expect(found).toEqual({ name: 'b', lagMs: 20 });
  });

  it('is unknown without replicas', () => {
    expect(new ReplicaLags().behind([], 0, 0)).toBeUndefined();
  });
});

describe('tenants are held back', () => {
  const calm = { replica: undefined, lockWaits: 0, blind: false };

  it.each([
    [calm, { maxReplicaLagMs: 0, maxLockWaits: 0 }, undefined],
    [{ ...calm, replica: { name: 'r', lagMs: 5000 } }, { maxReplicaLagMs: 5000 }, undefined],
    [{ ...calm, replica: { name: 'r', lagMs: 5001 } }, { maxLockWaits: 0 }, undefined],
    [
      { ...calm, replica: { name: 'r', lagMs: 61_000 } },
      { maxReplicaLagMs: 5000 },
      'the replica "r" is 1 min 1 s behind (limit: 5.0 s)',
    ],
    [{ ...calm, lockWaits: 3 }, { maxLockWaits: 3 }, undefined],
    [{ ...calm, lockWaits: 1 }, { maxLockWaits: 0 }, '1 other session waits for locks (limit: 0)'],
    [{ ...calm, lockWaits: 4 }, { maxLockWaits: 3 }, '4 other sessions wait for locks (limit: 3)'],
  ])('%j with %j: %s', (pressure, limits, message) => {
    expect(describePressure(pressure, limits)?.message).toBe(message);
  });
});
