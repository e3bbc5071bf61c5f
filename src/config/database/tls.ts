import { readFileSync } from 'node:fs';

import type { DatabaseConfig, SslMode } from '../../db/database-config.js';
import { orList } from '../../util/format-count.js';

/** The TLS settings of a connection URL or of the environment, by libpq's names; `ssl` is node-postgres' own. */
export type TlsSettings = Partial<Record<(typeof TLS_SETTINGS)[number], string>>;

/** The TLS part of a database configuration. */
export type Tls = Pick<DatabaseConfig, 'ssl' | 'sslmode'>;

/** libpq's names and the variables that stand in for them. */
export const TLS_SETTINGS = ['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation'] as const;

const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/**
 * What libpq calls `sslmode` and the like, for a database configuration; empty when nothing says anything.
 *
 * The modes check as much as in libpq: `require` does not look at the certificate unless there is a root certificate,
 * `verify-ca` does not look at the host name. As there, two modes try twice: `prefer` with TLS first, `allow` without it.
 * `no-verify` is node-postgres' name for `require`. Throws an `Error` in words for the reader.
 *
 * @returns what to try, in that order; one entry but for `prefer` and `allow`
 */
export function readTls(settings: TlsSettings): Tls[] {
  const { sslmode, ssl, sslnegotiation, sslcert, sslkey } = settings;
  if (sslmode !== undefined && !MODES.includes(sslmode)) {
    throw new Error(`sslmode must be ${orList(MODES)}`);
  }
  const sslrootcert = rootCertificate(settings);
  if (sslmode === undefined && settings.sslrootcert === undefined && sslcert === undefined && sslkey === undefined) {
    if (ssl !== undefined) return [{ ssl: plainSsl(ssl) }];
    return [sslnegotiation === 'direct' ? { ssl: true } : {}];
  }
  const without: Tls = { ssl: false, sslmode: 'disable' };
  if (sslmode === 'disable') return [without];
  const mode = effectiveMode(settings, sslrootcert);
  const file = (path: string): string => readFileSync(path, 'utf8');
  const encrypted: Tls = {
    sslmode: mode,
    ssl: {
      ...(sslrootcert === undefined ? {} : { ca: file(sslrootcert) }),
      ...(sslcert === undefined ? {} : { cert: file(sslcert) }),
      ...(sslkey === undefined ? {} : { key: file(sslkey) }),
      ...(mode === 'require' ? { rejectUnauthorized: false } : {}),
    },
  };
  if (sslmode === 'prefer') return [encrypted, without];
  return sslmode === 'allow' ? [without, encrypted] : [encrypted];
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
  return sslmode === 'prefer' || sslmode === 'allow' || file === undefined ? 'require' : 'verify-ca';
}

function plainSsl(ssl: string): DatabaseConfig['ssl'] {
  if (ssl === 'true' || ssl === '1') return true;
  if (ssl === 'false' || ssl === '0') return false;
  if (ssl === 'no-verify') return { rejectUnauthorized: false };
  throw new Error('ssl must be true, false or no-verify');
}
