import type { ClientConfig } from 'pg';
import { z } from 'zod';

import { text } from '../fields.js';

const ACCEPTED = "expected a PostgreSQL URL, a node-postgres configuration object, or 'embedded'";

const seconds = z.int({ error: 'expected a whole number of milliseconds' });
const word = z.string({ error: 'expected a string' });

/** The keys of node-postgres' `ClientConfig`; those of its pool have no effect here and count as unknown. */
const clientConfig = z.strictObject({
  connectionString: word.optional(),
  host: word.optional(),
  port: z.coerce
    .number({ error: 'expected a port number' })
    .refine((port) => Number.isInteger(port) && port > 0 && port < 65_536, { error: 'expected a port number' })
    .optional(),
  user: word.optional(),
  database: word.optional(),
  password: callable<() => string | Promise<string>>().or(word).optional(),
  ssl: z
    .union([z.boolean(), z.looseObject({})], { error: 'expected true, false or an object of TLS options' })
    .optional(),
  sslnegotiation: z.enum(['postgres', 'direct'], { error: "expected 'postgres' or 'direct'" }).optional(),
  enableChannelBinding: z.boolean().optional(),
  application_name: word.optional(),
  fallback_application_name: word.optional(),
  client_encoding: word.optional(),
  options: word.optional(),
  keepAlive: z.boolean().optional(),
  keepAliveInitialDelayMillis: seconds.optional(),
  connectionTimeoutMillis: seconds.optional(),
  statement_timeout: seconds.or(z.literal(false)).optional(),
  lock_timeout: seconds.optional(),
  query_timeout: seconds.optional(),
  idle_in_transaction_session_timeout: seconds.optional(),
  stream: callable<NonNullable<ClientConfig['stream']>>().optional(),
});

/** `database` as the file may hold it; `parseDatabase` says whether one can connect with it. */
export const databaseSchema = z.union([text('a PostgreSQL URL'), clientConfig], { error: ACCEPTED });

function callable<T>() {
  return z.custom<T>((value) => typeof value === 'function', { error: 'expected a function' });
}
