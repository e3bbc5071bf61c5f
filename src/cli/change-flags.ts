import { runFlags } from './flags.js';

/** How long a change of one tenant waits, and how long its statements may take. Settings, as for `migrate`. */
export const changeFlags = {
  'lock-timeout': runFlags['lock-timeout'],
  'statement-timeout': runFlags['statement-timeout'],
};
