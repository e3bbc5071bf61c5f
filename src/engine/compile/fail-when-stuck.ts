import { TenantsError } from '../../errors/tenants-error.js';
import type { MigrationFile } from '../types.js';

/** ms without any sign of life after which a migration counts as stuck. */
const PATIENCE_MS = 10_000;

/**
 * Waits for a migration to finish building, and gives up with `MIGRATION_REFUSED` when nothing happens for ten seconds: it
 * added no SQL, which `countSteps` tells, and `busy` says that nothing it asked for is still being answered.
 *
 * The timer also keeps the process alive: Node would end in silence on a promise that nothing can settle any more.
 */
export async function failWhenStuck(
  { name, path }: MigrationFile,
  countSteps: () => number,
  finished: Promise<void>,
  busy: () => boolean = () => false,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const stuck = new Promise<never>((_resolve, reject) => {
    let steps = -1;
    const look = (): void => {
      const now = countSteps();
      if (now === steps && !busy()) reject(neverFinished(name, path));
      else timer = setTimeout(look, PATIENCE_MS);
      steps = now;
    };
    look();
  });
  try {
    await Promise.race([finished, stuck]);
  } finally {
    clearTimeout(timer);
  }
}

function neverFinished(migration: string, file: string): TenantsError {
  return new TenantsError(
    'MIGRATION_REFUSED',
    `Migration ${migration} did not finish: nothing happened for ${PATIENCE_MS / 1000} seconds.`,
    {
      migration,
      file,
      suggestions: [
        'A migration function with two parameters must call the second one when it is done; return a promise from all others.',
      ],
    },
  );
}
