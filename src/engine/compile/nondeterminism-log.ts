import { basename, sep } from 'node:path';

import type { MigrationFile } from '../types.js';
import { isSqlFile } from './load.js';
import type { NondeterminismUse } from './watch-nondeterminism.js';

/** Which migrations used a clock or a random source, in words for people. */
export type NondeterminismLog = {
  /** For one evaluation of all files, in their order: takes uses while a file is evaluated. */
  loadingPass(): (file: MigrationFile) => (use: NondeterminismUse) => void;
  /** Takes uses while its `up` or `down` runs. */
  building(file: MigrationFile): (use: NondeterminismUse) => void;
  usedBy(file: MigrationFile): string | undefined;
};

/**
 * What files did while they were evaluated. It holds for the life of the process, because Node evaluates a module once
 * and a later compile would see nothing.
 */
const atLoad = new Map<string, string>();

/**
 * Remembers who used what. A module of the project that several migrations share is evaluated once, so what it does then
 * counts for every file evaluated from that moment on; a package counts for the file that imports it first.
 */
export function createNondeterminismLog(): NondeterminismLog {
  const atBuild = new Map<string, string>();
  return {
    loadingPass() {
      let shared: string | undefined;
      return (file) => {
        if (shared !== undefined && !isSqlFile(file)) remember(atLoad, file, shared);
        return (use) => {
          const words = `${describe(use, file)} while it is loaded`;
          remember(atLoad, file, words);
          if (isSharedModule(use.file, file)) shared ??= words;
        };
      };
    },
    building: (file) => (use) => remember(atBuild, file, describe(use, file)),
    usedBy: ({ path }) => atBuild.get(path) ?? atLoad.get(path),
  };
}

function remember(log: Map<string, string>, { path }: MigrationFile, words: string): void {
  if (!log.has(path)) log.set(path, words);
}

function describe({ what, file: used }: NondeterminismUse, { path }: MigrationFile): string {
  return used === undefined || used === path ? `it uses ${what}` : `${basename(used)}, which it calls, uses ${what}`;
}

function isSharedModule(used: string | undefined, { path }: MigrationFile): boolean {
  return used !== undefined && used !== path && !used.includes(`${sep}node_modules${sep}`);
}
