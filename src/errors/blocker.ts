/** A session that holds, or held, a lock which somebody else waits for. */
export type Blocker = {
  pid: number;
  /** `null` where this user may not see it, or the session has gone. */
  user: string | null;
  host: string | null;
  application: string;
  /** `active`, `idle in transaction`, … */
  state: string | null;
  /** When its transaction began, as an ISO date. */
  since: string | null;
  /** The beginning of its latest statement. */
  statement: string | null;
};

/** `process 4711 (psql) of user ann from 10.0.0.7, idle in transaction since 2026-03-01T14:02:11.000Z: LOCK TABLE projects`. */
export function describeBlocker({ pid, user, host, application, state, since, statement }: Blocker): string {
  const who = [
    `process ${pid}`,
    ...(application === '' ? [] : [`(${application})`]),
    ...(user === null ? [] : [`of user ${user}`]),
    ...(host === null ? [] : [`from ${host}`]),
  ].join(' ');
  const what = [
    ...(state === null ? [] : [state]),
    ...(since === null ? [] : [`since ${new Date(since).toISOString()}`]),
  ];
  const doing = what.length === 0 ? '' : `, ${what.join(' ')}`;
  const text = statement?.replaceAll(/\s+/g, ' ').trim() ?? '';
  return text === '' ? who + doing : `${who + doing}: ${text}`;
}
