import type { FleetEvent } from '../../fleet/types.js';
import type { OutputStream } from '../text/format-context.js';

/** Shows the progress of a run. Neither method throws, even if the stream breaks. */
export type Progress = {
  handle(event: FleetEvent): void;
  /**
   * Ends the display and restores the cursor; resolves once nothing more will be written. `failed` marks the running phase
   * as failed. Later events are dropped, and a second call does nothing.
   */
  stop(outcome?: 'done' | 'failed'): Promise<void>;
};

export type ProgressOptions = {
  /** Where progress goes: stderr. */
  stream: OutputStream;
  /** Only failures and warnings are written, as plain lines. */
  json?: boolean | undefined;
  /** A line for every tenant that was migrated. */
  verbose?: boolean | undefined;
  color: boolean;
  /** Whether the stream is a terminal that can redraw lines. */
  isTTY: boolean;
  /** Clock in ms for the rate; tests pass their own. */
  now?: (() => number) | undefined;
};
