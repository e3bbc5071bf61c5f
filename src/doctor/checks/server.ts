import { OLDEST_VERSION, type ServerInfo } from '../../db/server.js';
import { right, wrong } from '../results.js';
import type { Check, CheckGroup, Examination } from '../types.js';

export const SERVER_CHECKS: CheckGroup = {
  names: ['server-version', 'server-writable', 'pooler'],
  run: (exam) => Promise.resolve([versionCheck(exam.server), writableCheck(exam.server), poolerCheck(exam)]),
};

/** Pure. */
export function versionCheck({ version, versionName }: Pick<ServerInfo, 'version' | 'versionName'>): Check {
  const actual = `PostgreSQL ${versionName}`;
  if (version >= OLDEST_VERSION) return right('server-version', actual);
  return wrong('server-version', actual, {
    suggestions: ['Upgrade the server: no command works with this version, and nothing else was checked.'],
  });
}

/** Pure. */
function writableCheck({ readOnly }: Pick<ServerInfo, 'readOnly'>): Check {
  if (readOnly === false) return right('server-writable', 'accepts writes');
  if (readOnly === 'standby') {
    return wrong('server-writable', 'a standby', { suggestions: ['Connect to the primary server.'] });
  }
  return wrong('server-writable', 'transactions are read only', {
    suggestions: [
      'Find out where default_transaction_read_only is set: in the connection options, for the role, the database or the server.',
    ],
  });
}

/** Reports a pooler in transaction mode, behind which some other checks are skipped. */
function poolerCheck({ ownSession }: Examination): Check {
  if (ownSession) return right('pooler', 'a session of our own');
  return wrong('pooler', 'a pooler in transaction mode', {
    suggestions: [
      'Point --database at the server itself or at a pool in session mode: commands that change something are refused here.',
    ],
  });
}
