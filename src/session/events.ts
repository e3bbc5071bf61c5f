/** What a session that holds the fleet lock reports while it is open. */
export type SessionEvent = { type: 'waiting'; message: string } | { type: 'warning'; message: string };
