import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readdir, stat, utimes } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { withFileLock } from '../../src/embedded/file-lock.js';
import { countLeases, takeLease } from '../../src/embedded/leases.js';
import { identifyProcess, isSameProcess } from '../../src/embedded/process-identity.js';
import { createProject, type TestProject } from '../support/project.js';

let project: TestProject;

beforeEach(async () => {
  project = await createProject();
});

afterEach(() => project.remove());

/** Ten at once; returns the largest number that was inside together. */
async function crowd(path: string, stay = 10): Promise<number> {
  let inside = 0;
  let most = 0;
  const enter = (): Promise<void> =>
    withFileLock(path, 20_000, async () => {
      inside += 1;
      most = Math.max(most, inside);
      await sleep(stay);
      inside -= 1;
    });
  await Promise.all(Array.from({ length: 10 }, enter));
  return most;
}

/** The file that a process with this identity would have left. */
async function writeNote(name: string, note: { pid: number; identity: string; token?: string }): Promise<void> {
  const inode = String((await stat(await project.write(name, ''), { bigint: true })).ino);
  await project.write(name, JSON.stringify({ token: 'one', ...note, inode }));
}

/** A process that has ended, with the identity it had. */
async function deadProcess(): Promise<{ pid: number; identity: string }> {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()']);
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  const identity = (await identifyProcess(pid)) ?? '';
  child.kill('SIGKILL');
  await once(child, 'close');
  return { pid, identity };
}

describe('the lock file', () => {
  it('lets one in at a time and leaves nothing behind', async () => {
    expect(await crowd(project.path('lock'))).toBe(1);
    expect(await readdir(project.root)).toEqual([]);
  });

  it('of a dead process is taken over, by one at a time', async () => {
    const dead = await deadProcess();
    for (let round = 0; round < 25; round += 1) {
      await writeNote('lock', { ...dead, token: `dead-${round}` });
      expect(await crowd(project.path('lock'), 2)).toBe(1);
      expect(await readdir(project.root)).toEqual([]);
    }
  });

  it('of a process whose number was given to another is taken over', async () => {
    await writeNote('lock', { pid: process.pid, identity: 'an earlier boot' });
    expect(await withFileLock(project.path('lock'), 1_000, async () => 'entered')).toBe('entered');
  });

  it('that came along in a copy of the project is taken over', async () => {
    await withFileLock(project.path('lock'), 100, async () => {
      await copyFile(project.path('lock'), project.path('copy'));
      expect(await withFileLock(project.path('copy'), 1_000, async () => 'entered')).toBe('entered');
    });
  });

  it('that was never filled is taken over once it is old', async () => {
    const path = await project.write('lock', '');
    await expect(withFileLock(path, 100, async () => 'entered')).rejects.toMatchObject({ code: 'EMBEDDED_FAILED' });
    await utimes(path, new Date(0), new Date(0));
    expect(await withFileLock(path, 1_000, async () => 'entered')).toBe('entered');
  });

  it('is given back when the action fails', async () => {
    const path = project.path('lock');
    await expect(withFileLock(path, 100, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await withFileLock(path, 100, async () => 'entered')).toBe('entered');
  });

  it('of a living process is waited for, then named in the error', async () => {
    const path = project.path('lock');
    await withFileLock(path, 100, async () => {
      await expect(withFileLock(path, 100, async () => 'entered')).rejects.toMatchObject({
        code: 'EMBEDDED_FAILED',
        suggestions: [expect.stringContaining(path)],
      });
    });
  });
});

describe('leases', () => {
  it('of living processes count, those of dead ones are removed', async () => {
    const lease = await takeLease(project.path('leases'));
    await takeLease(project.path('leases'));
    const dead = await deadProcess();
    await writeNote(`leases/${dead.pid}-00`, dead);
    await writeNote(`leases/${process.pid}-00`, { pid: process.pid, identity: 'had the number before' });
    await copyFile(lease, project.path('leases', `${process.pid}-01`));
    expect(await countLeases(project.path('leases'))).toBe(2);
    expect(await readdir(project.path('leases'))).toHaveLength(2);
    expect(lease).toContain(`leases/${process.pid}-`);
  });
});

describe('process identity', () => {
  it('tells the living from the dead', async () => {
    const own = await identifyProcess(process.pid);
    expect(own).toEqual(expect.any(String));
    expect(await identifyProcess(process.pid)).toBe(own);
    expect(await isSameProcess(process.pid, own ?? '')).toBe(true);
    const dead = await deadProcess();
    expect(await identifyProcess(dead.pid)).toBeUndefined();
    expect(dead.identity).not.toBe(own);
    for (const nonsense of [0, -1, Number.NaN, 2 ** 31 - 1]) expect(await identifyProcess(nonsense)).toBeUndefined();
  });
});
