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
