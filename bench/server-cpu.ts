import { readdir, readFile } from 'node:fs/promises';

import { withClient } from './database.js';

/** Reads the CPU time (ms) that a server has used so far. */
export type CpuMeter = () => Promise<number>;

/** `/proc` counts in hundredths of a second. */
const TICK_MS = 10;

/** A meter for a server on this machine; `undefined` where `/proc` does not show it. */
export async function serverCpuMeter(url: string): Promise<CpuMeter | undefined> {
  const backend = await withClient(url, async (client) => {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const pid = rows[0]?.pid;
    return pid === undefined ? undefined : await readStat(pid);
  });
  if (backend?.name !== 'postgres') return undefined;
  const postmaster = backend.parent;
  return async () => {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
    const stats = await Promise.all(pids.map((pid) => readStat(pid)));
    // Backends that have ended are counted by the postmaster, living ones by themselves.
    return stats.reduce((sum, stat) => {
      if (stat === undefined) return sum;
      if (stat.pid === postmaster) return sum + stat.own + stat.ended;
      return stat.parent === postmaster ? sum + stat.own : sum;
    }, 0);
  };
}

type Stat = { pid: number; name: string; parent: number; own: number; ended: number };

async function readStat(pid: number): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  // The name stands in parentheses and may contain anything.
  const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'));
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = (first: number): number => (Number(fields[first]) + Number(fields[first + 1])) * TICK_MS;
  return { pid, name, parent: Number(fields[1]), own: ticks(11), ended: ticks(13) };
}
