import type { Client } from 'pg';

import { TenantsError } from '../../errors/tenants-error.js';
import type { Project } from '../../project/project.js';
import { inspectJournal, type JournalPlace } from './inspect.js';

/** The journal, as far as there is one that can be read. Changes nothing. */
export async function findJournal(
  client: Client,
  { journal, role }: Pick<Project, 'journal' | 'role'>,
): Promise<JournalPlace | undefined> {
  if (journal === false) return undefined;
  const state = await inspectJournal(client, journal.schema, role);
  if (state.kind === 'ready') return state.place;
  if (state.kind === 'outdated') return state.place.version === 0 ? undefined : state.place;
  return state.kind === 'unusable' ? state.readable : undefined;
}

/**
 * The same for a command that cannot do without.
 *
 * @param purpose what is done with it
 * @returns `undefined` when nothing was recorded yet
 * @throws TenantsError USAGE when the journal is switched off; JOURNAL_UNUSABLE when it must not be used, with the reason.
 */
export async function requireJournal(
  client: Client,
  { journal, role }: Pick<Project, 'journal' | 'role'>,
  purpose: 'read' | 'write' = 'read',
): Promise<JournalPlace | undefined> {
  if (journal === false) {
    throw new TenantsError('USAGE', 'The journal is switched off: the configuration says journal: false.', {
      suggestions: ['Remove that setting; the next migrate makes the journal.'],
    });
  }
  const state = await inspectJournal(client, journal.schema, role);
  switch (state.kind) {
    case 'ready':
      return state.place;
    case 'outdated':
      return state.place.version === 0 ? undefined : state.place;
    case 'absent':
      return undefined;
    case 'unusable':
      if (purpose === 'read' && state.readable !== undefined) return state.readable;
      throw new TenantsError('JOURNAL_UNUSABLE', `The journal cannot be used: ${state.why}.`, {
        suggestions: state.advice,
      });
    default:
      return state satisfies never;
  }
}
