import { readFileSync } from 'node:fs';

import type { DatabaseConfig, SslMode } from '../db/database-config.js';
import { orList } from '../util/format-count.js';

/** The TLS settings of a connection URL or of the environment, by libpq's names; `ssl` is node-postgres' own. */
export type TlsSettings = Partial<Record<(typeof TLS_SETTINGS)[number], string>>;

/** libpq's names and the variables that stand in for them. */
export const TLS_SETTINGS = ['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation'] as const;

const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/**
 * What libpq calls `sslmode` and the like, for a database configuration; empty when nothing says anything.
 *
 * The modes check as much as in libpq: `require` does not look at the certificate unless there is a root certificate,
 * `verify-ca` does not look at the host name. Two cannot be as in libpq, which tries twice: `allow` connects without TLS
 * and `prefer` with it. `no-verify` is node-postgres' name for `require`. Throws an `Error` in words for the reader.
 */
export function readTls(settings: TlsSettings): Pick<DatabaseConfig, 'ssl' | 'sslmode'> {
  const { sslmode, ssl, sslnegotiation, sslcert, sslkey } = settings;
  if (sslmode !== undefined && !MODES.includes(sslmode)) {
    throw new Error(`sslmode must be ${orList(MODES)}`);
  }
  const sslrootcert = rootCertificate(settings);
  if (sslmode === undefined && settings.sslrootcert === undefined && sslcert === undefined && sslkey === undefined) {
    if (ssl !== undefined) return { ssl: plainSsl(ssl) };
    return sslnegotiation === 'direct' ? { ssl: true } : {};
  }
  if (sslmode === 'disable' || sslmode === 'allow') return { ssl: false, sslmode: 'disable' };
  const mode = effectiveMode(settings, sslrootcert);
  const file = (path: string): string => readFileSync(path, 'utf8');
  return {
    sslmode: mode,
    ssl: {
      ...(sslrootcert === undefined ? {} : { ca: file(sslrootcert) }),
      ...(sslcert === undefined ? {} : { cert: file(sslcert) }),
      ...(sslkey === undefined ? {} : { key: file(sslkey) }),
      ...(mode === 'require' ? { rejectUnauthorized: false } : {}),
    },
  };
}

/** `system`, the operating system's list of authorities, stands for those of Node.js; in libpq it allows nothing below `verify-full`. */
function rootCertificate({ sslmode, sslrootcert }: TlsSettings): string | undefined {
  if (sslrootcert !== 'system') return sslrootcert;
  if (sslmode === undefined || sslmode === 'verify-full') return undefined;
  throw new Error('sslrootcert=system needs sslmode=verify-full');
}

function effectiveMode({ sslmode, sslrootcert }: TlsSettings, file: string | undefined): SslMode {
  if (sslmode === 'verify-full' || sslrootcert === 'system') return 'verify-full';
  if (sslmode === 'verify-ca' && file === undefined) {
    throw new Error('sslmode=verify-ca needs sslrootcert; verify-full works with the certificates that Node.js trusts');
  }
  return sslmode === 'prefer' || file === undefined ? 'require' : 'verify-ca';
}

function plainSsl(ssl: string): DatabaseConfig['ssl'] {
  if (ssl === 'true' || ssl === '1') return true;
  if (ssl === 'false' || ssl === '0') return false;
  if (ssl === 'no-verify') return { rejectUnauthorized: false };
  throw new Error('ssl must be true, false or no-verify');
}
