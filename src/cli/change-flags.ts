import { runFlags } from './flags.js';

/** The timeouts of a change of one tenant. They are settings, as for `migrate`. */
export const changeFlags = {
  'lock-timeout': runFlags['lock-timeout'],
  'statement-timeout': runFlags['statement-timeout'],
};
