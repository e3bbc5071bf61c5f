/**
 * Whether an error of the server is about a connection of its own to another node of a Citus cluster. Such an error has the SQLSTATE
 * of a broken connection, but ours is sound: only one that the server ends (severity FATAL or PANIC) or a socket's error is about ours.
 *
 * The severity is in the language of the server's messages, while those of Citus are always in English.
 */
export function isAboutOtherNode(error: unknown): boolean {
  if (!(error instanceof Error) || !('severity' in error) || error.severity === undefined) return false;
  if (error.severity === 'ERROR') return true;
  if (error.severity === 'FATAL' || error.severity === 'PANIC') return false;
  const where = 'where' in error && typeof error.where === 'string' ? error.where : '';
  return error.message.startsWith('connection to the remote node ') || where.includes('while executing command on ');
}

/** Whether the server could not reach another node, or lost it in the middle. Whatever it was at there is rolled back. */
export function isNodeAway(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return (code.startsWith('08') || code.startsWith('57P')) && isAboutOtherNode(error);
}

export const NODE_ADVICE = [
  'Run the same command again when the node is back: it finishes the tenants that are left.',
  "Citus changes the structure of no tenant while a node does not answer. To go on with the others, run as a superuser: SELECT stop_metadata_sync_to_node('HOST', PORT, false), and SELECT start_metadata_sync_to_node('HOST', PORT) when it is back.",
];
