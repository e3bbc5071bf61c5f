// Loaded by `--import` into every program that is measured: leaves what the process used in a file, when it ends.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';

/** A program may say how long its own work took (`workMs`), without starting and loading. */
export const measured = {};

if (isMainThread && process.env.BENCH_USAGE !== undefined) {
  process.on('exit', () => {
    const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
    const usage = { maxRssKiB: maxRSS, cpuMs: (userCPUTime + systemCPUTime) / 1000, ...measured };
    writeFileSync(path.join(process.env.BENCH_USAGE, `${process.pid}.json`), JSON.stringify(usage));
  });
}
