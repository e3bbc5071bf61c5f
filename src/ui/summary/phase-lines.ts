import type { PhaseReport } from '../../run/rollout/phase-notes.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { listed } from '../text/name-list.js';
import type { Style } from '../text/style.js';

/** What waits for the other phase, and the command that applies it. What is held back is among the warnings. */
export function phaseLines(phase: PhaseReport | undefined, style: Style): string[] {
  if (phase === undefined || phase.waiting.length === 0) return [];
  const command = style.bold(tenantsCommand('migrate', '--phase', 'post'));
  return [
    `Waiting for the new code: ${listed(phase.waiting, 5)}`,
    `When it runs everywhere, apply ${phase.waiting.length === 1 ? 'it' : 'them'} with: ${command}`,
  ];
}
