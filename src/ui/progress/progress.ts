import { createLineProgress } from './progress-lines.js';
import { createTerminalProgress } from './progress-terminal.js';
import type { Progress, ProgressOptions } from './types.js';

/** Redrawn lines on a terminal, plain lines elsewhere. */
export function createProgress(options: ProgressOptions): Progress {
  const progress = options.isTTY && !options.json ? createTerminalProgress(options) : createLineProgress(options);
  let stopped: Promise<void> | undefined;
  return {
    handle(event) {
      if (stopped) return;
      try {
        progress.handle(event);
      } catch {
        // An error of the display must not break the run.
      }
    },
    stop(outcome) {
      stopped ??= progress.stop(outcome).catch(() => undefined);
      return stopped;
    },
  };
}
