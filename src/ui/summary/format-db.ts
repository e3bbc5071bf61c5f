import { plural } from '../../util/format-count.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { clean } from '../text/clean.js';
import type { FormatContext } from '../text/format-context.js';
import { createStyle } from '../text/style.js';

/** A server that is kept running. */
type KeptServer = { port: number; log: string; started: boolean };

/** How an application connects to the server that was started, and how it is stopped. */
export function formatDbStarted({ port, log, started }: KeptServer, { color }: FormatContext): string {
  const style = createStyle(color);
  return [
    `${style.green('✔')} The embedded database ${started ? 'runs' : 'was already running'} on port ${port} and keeps running`,
    `  ${style.dim('For the .env of an application:')} echo "DATABASE_URL=$(${tenantsCommand('db', 'url')})" >> .env`,
    `  ${style.dim('Log:')} ${clean(log)}`,
    `  ${style.dim('To stop it, run:')} ${tenantsCommand('db', 'stop')}`,
  ].join('\n');
}

/** @param outcome.inUse commands that the server still works for */
export function formatDbStopped({ wasRunning, inUse }: { wasRunning: boolean; inUse: number }): string {
  if (!wasRunning) return 'The embedded database was not running.';
  if (inUse === 0) return 'The embedded database was stopped.';
  return `The embedded database ends with the last command that uses it (${plural(inUse, 'command')} at present).`;
}
