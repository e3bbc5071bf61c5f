import type { FleetEvent } from '../../fleet/types.js';
import type { OutputStream } from '../text/format-context.js';

/** Shows how a run goes. Neither method throws, whatever happens to the stream. */
export type Progress = {
  handle(event: FleetEvent): void;
  /**
   * Ends the display and gives the cursor back; resolves once nothing more will be written. `failed` marks the phase
   * that was under way as failed. Events that come later are dropped, a second call does nothing.
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
  /** Clock in ms, for the rate; a test's own. */
  now?: (() => number) | undefined;
};
