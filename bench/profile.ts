import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { REPOSITORY } from './run-program.js';

/** Something that took time by itself, without what it called: ms, and its share of everything but waiting. */
export type SelfTime = { name: string; ms: number; share: number };

type CpuProfile = {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  /** Microseconds. */
  timeDeltas: number[];
};

/** Where a program spent its time, by function and by file or package, the most first. */
export async function readProfile(file: string, most = 25): Promise<{ functions: SelfTime[]; files: SelfTime[] }> {
  const { nodes, samples, timeDeltas } = JSON.parse(await readFile(file, 'utf8')) as CpuProfile;
  const self = new Map<number, number>();
  for (const [index, id] of samples.entries()) self.set(id, (self.get(id) ?? 0) + (timeDeltas[index] ?? 0) / 1000);
  const functions = new Map<string, number>();
  const files = new Map<string, number>();
  for (const { id, callFrame } of nodes) {
    const ms = self.get(id) ?? 0;
    const { functionName, url, lineNumber } = callFrame;
    if (ms === 0 || functionName === '(idle)') continue;
    const place = placeOf(url);
    const name = functionName === '' ? '(anonymous)' : functionName;
    add(functions, place === '' ? name : `${name} ${place}:${lineNumber + 1}`, ms);
    add(files, place === '' ? name : (/^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(place)?.[0] ?? place), ms);
  }
  return { functions: top(functions, most), files: top(files, most) };
}

function placeOf(url: string): string {
  if (!url.startsWith('file:')) return url;
  return path.relative(REPOSITORY, fileURLToPath(url));
}

function add(sums: Map<string, number>, name: string, ms: number): void {
  sums.set(name, (sums.get(name) ?? 0) + ms);
}

function top(sums: ReadonlyMap<string, number>, most: number): SelfTime[] {
  const total = [...sums.values()].reduce((sum, ms) => sum + ms, 0);
  return [...sums]
    .map(([name, ms]) => ({ name, ms, share: ms / total }))
    .sort((a, b) => b.ms - a.ms)
    .slice(0, most);
}

/** Lines such as `  12.3 ms  4.5 %  parse node_modules/pg/lib/parser.js:10`. */
export function profileLines(title: string, times: readonly SelfTime[]): string[] {
  return [
    title,
    ...times.map(
      ({ name, ms, share }) => `${ms.toFixed(1).padStart(9)} ms ${(share * 100).toFixed(1).padStart(5)} %  ${name}`,
    ),
    '',
  ];
}

/** `node --import jiti/register bench/profile.ts FILE` prints the lists of one profile. */
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const file of process.argv.slice(2)) {
    const { functions, files } = await readProfile(file);
    process.stdout.write(
      `${[...profileLines('By file or package', files), ...profileLines('By function', functions)].join('\n')}\n`,
    );
  }
}
