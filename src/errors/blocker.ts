/** Who has a session; `null` where this user may not see it, or the session has gone. */
export type SessionOwner = { pid: number; user: string | null; host: string | null; application: string };

/** A session that holds, or held, a lock for which another one waits. */
export type Blocker = SessionOwner & {
  /** `active`, `idle in transaction`, … */
  state: string | null;
  /** When its transaction began, as an ISO date. */
  since: string | null;
  /** The beginning of its latest statement. */
  statement: string | null;
};

/** `process 4711 (psql) of user ann from 10.0.0.7`. */
export function describeSession({ pid, user, host, application }: SessionOwner): string {
  return [
    `process ${pid}`,
    ...(application === '' ? [] : [`(${application})`]),
    ...(user === null ? [] : [`of user ${user}`]),
    ...(host === null ? [] : [`from ${host}`]),
  ].join(' ');
}

/** `process 4711 (psql) of user ann from 10.0.0.7, idle in transaction since 2026-03-01T14:02:11.000Z: LOCK TABLE projects`. */
export function describeBlocker(blocker: Blocker): string {
  const { state, since, statement } = blocker;
  const what = [
    ...(state === null ? [] : [state]),
    ...(since === null ? [] : [`since ${new Date(since).toISOString()}`]),
  ];
  const who = describeSession(blocker) + (what.length === 0 ? '' : `, ${what.join(' ')}`);
  const text = statement?.replaceAll(/\s+/g, ' ').trim() ?? '';
  return text === '' ? who : `${who}: ${text}`;
}
