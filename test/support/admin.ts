import { Client } from 'pg';

/** What global setup hands to every test file. */
declare module 'vitest' {
  interface ProvidedContext {
    /** A database of the server from which others can be created and dropped. */
    adminUrl: string;
    /** The database that tests clone. */
    templateDatabase: string;
    /** Begins the name of every database of this invocation, so that two can share a server. */
    runPrefix: string;
    /** A folder that is removed after all tests. */
    scratch: string;
    /** The server is not ours: it stays, and so does the database of a failed test. */
    externalServer: boolean;
  }
}

/** Runs statements on a connection of their own. */
export async function withAdmin<T>(url: string, action: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await action(client);
  } finally {
    await client.end();
  }
}

/** The same server, another database. */
export function urlOfDatabase(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${encodeURIComponent(database)}`;
  return other.href;
}
