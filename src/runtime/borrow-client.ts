import type { Pool, PoolClient } from 'pg';

/** A borrowed client, and the way to say that nobody should use it again. */
export type Loan = { readonly client: PoolClient; condemn(reason: unknown): void };

/**
 * Borrows a client for the length of `use`, and gives it back exactly once. One that broke in the meantime, or was condemned, is
 * thrown away.
 */
export async function borrowClient<R>(pool: Pool, use: (loan: Loan) => Promise<R>): Promise<R> {
  let condemned: Error | undefined;
  const condemn = (reason: unknown): void => {
    condemned ??= reason instanceof Error ? reason : new Error(String(reason));
  };
  const client = await connect(pool, condemn);
  // A property of the loan: it is another function each time the client is borrowed.
  const { release } = client;
  try {
    return await use({ client, condemn });
  } finally {
    release.call(client, condemned);
    // A client on its way out may still complain.
    if (condemned === undefined) client.removeListener('error', condemn);
  }
}

/**
 * The pool listens to idle clients only, and an error that nobody hears ends the process. A server that greets and throws
 * out in one breath makes the error come before a promise could tell us that there is a client: hence the callback. A pool
 * with a `connect` of its own may know promises only.
 */
function connect(pool: Pool, onError: (error: Error) => void): Promise<PoolClient> {
  return new Promise((resolve, reject) => {
    let taken = false;
    const take = (client: PoolClient): void => {
      if (taken) return;
      taken = true;
      client.on('error', onError);
      resolve(client);
    };
    const promised: unknown = pool.connect((error, client) => {
      if (client === undefined) reject(error ?? new Error('The pool has no client.'));
      else take(client);
    });
    Promise.resolve(promised).then((client) => isClient(client) && take(client), reject);
  });
}

function isClient(value: unknown): value is PoolClient {
  return typeof value === 'object' && value !== null && 'release' in value;
}
