import type { ClientConfig } from 'pg';
import { parse } from 'pg-connection-string';

import { orList } from '../util/format-count.js';

/** The TLS settings of a connection URL or of the environment, by libpq's names; `ssl` is node-postgres' own. */
export type TlsSettings = Partial<Record<(typeof TLS_SETTINGS)[number], string>>;

/** libpq's names and the variables that stand in for them. */
export const TLS_SETTINGS = ['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation'] as const;

const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/**
 * node-postgres' `ssl` for what libpq calls `sslmode` and the like; `undefined` when nothing says anything.
 *
 * The modes check as much as in libpq: `require` does not look at the certificate unless there is a root certificate,
 * `verify-ca` does not look at the host name. Two cannot be as in libpq, which tries twice: `allow` connects without TLS
 * and `prefer` with it. `no-verify` is node-postgres' name for `require`. Throws an `Error` in words for the reader.
 */
export function tlsOptions(settings: TlsSettings): ClientConfig['ssl'] {
  const { sslmode, ssl, sslnegotiation, sslrootcert, sslcert, sslkey } = settings;
  if (sslmode !== undefined && !MODES.includes(sslmode)) {
    throw new Error(`sslmode must be ${orList(MODES)}`);
  }
  if (sslrootcert === 'system') return systemRoots(settings);
  if (sslmode === undefined && sslrootcert === undefined && sslcert === undefined && sslkey === undefined) {
    return ssl === undefined ? sslnegotiation === 'direct' || undefined : plainSsl(ssl);
  }
  if (sslmode === 'disable' || sslmode === 'allow') return false;
  const query = new URLSearchParams({
    sslmode: sslmode === undefined || sslmode === 'no-verify' ? 'require' : sslmode,
    ...(sslrootcert === undefined ? {} : { sslrootcert }),
    ...(sslcert === undefined ? {} : { sslcert }),
    ...(sslkey === undefined ? {} : { sslkey }),
  });
  if (sslmode === 'verify-ca' && sslrootcert === undefined) {
    throw new Error('sslmode=verify-ca needs sslrootcert; verify-full works with the certificates that Node.js trusts');
  }
  return parse(`postgres://localhost/?${query}`, { useLibpqCompat: true }).ssl as ClientConfig['ssl'];
}

/** `sslrootcert=system` is the operating system's list of authorities, and in libpq allows nothing below `verify-full`. */
function systemRoots({ sslmode, sslcert, sslkey }: TlsSettings): ClientConfig['ssl'] {
  if (sslmode !== undefined && sslmode !== 'verify-full') {
    throw new Error('sslrootcert=system needs sslmode=verify-full');
  }
  return tlsOptions({
    sslmode: 'verify-full',
    ...(sslcert === undefined ? {} : { sslcert }),
    ...(sslkey === undefined ? {} : { sslkey }),
  });
}

function plainSsl(ssl: string): ClientConfig['ssl'] {
  if (ssl === 'true' || ssl === '1') return true;
  if (ssl === 'false' || ssl === '0') return false;
  if (ssl === 'no-verify') return { rejectUnauthorized: false };
  throw new Error('ssl must be true, false or no-verify');
}
