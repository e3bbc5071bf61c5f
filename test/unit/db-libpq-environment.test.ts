import { readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { rootCertificates } from 'node:tls';

import { describe, expect, it } from 'vitest';

import type { DatabaseConfig } from '../../src/db/database-config.js';
import { withLibpqVariables } from '../../src/db/libpq-environment.js';

/** The variables, with the contents of the files that they name. */
async function read(database: DatabaseConfig): Promise<Record<string, string>> {
  return await withLibpqVariables(database, 'the test', async (variables) =>
    Object.fromEntries(
      Object.entries(await variables()).map(([name, value]) => [
        name,
        /^PGSSL(ROOTCERT|CERT|KEY)$/.test(name) ? readFileSync(value, 'utf8') : value,
      ]),
    ),
  );
}

it('a configuration that goes through a function is refused before anything connects elsewhere', async () => {
  const database = { host: 'db', stream: () => undefined } as never;
  await expect(read(database)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    exitCode: 2,
    message: expect.stringMatching(/^the test .*database\.stream/) as string,
  });
});

describe('the password for libpq', () => {
  it('comes from a password function, which is called each time because tokens expire', async () => {
    let calls = 0;
    const password = (): Promise<string> => Promise.resolve(`token ${(calls += 1)}`);
    const given = await withLibpqVariables({ password }, 'the test', async (variables) => [
      (await variables())['PGPASSWORD'],
      (await variables())['PGPASSWORD'],
    ]);
    expect(given).toEqual(['token 1', 'token 2']);
  });

  it.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('The vault is sealed.');
      },
      'The password function of the database setting failed: The vault is sealed.',
    ],
    ['returns something else', () => 7, 'The password function of the database setting returned no string.'],
  ])('is refused in words when the function %s', async (_what, password, message) => {
    await expect(read({ password: password as () => string })).rejects.toMatchObject({
      code: 'DATABASE_REFUSED',
      exitCode: 5,
      message,
    });
  });
});

describe('the TLS variables of libpq', () => {
  const roots = rootCertificates.join('\n');

  it.each<[string, DatabaseConfig, Record<string, string>]>([
    ['no setting', {}, { PGSSLMODE: 'disable' }],
    ['no TLS', { ssl: false }, { PGSSLMODE: 'disable' }],
    ['TLS', { ssl: true }, { PGSSLMODE: 'verify-full', PGSSLROOTCERT: roots }],
    ['no look at the certificate', { ssl: { rejectUnauthorized: false, ca: 'x' } }, { PGSSLMODE: 'require' }],
    ['an authority', { ssl: { ca: Buffer.from('root') } }, { PGSSLMODE: 'verify-full', PGSSLROOTCERT: 'root' }],
    ['any host name', { ssl: { ca: 'root' }, sslmode: 'verify-ca' }, { PGSSLMODE: 'verify-ca', PGSSLROOTCERT: 'root' }],
    [
      "a user's own check of the host name",
      { ssl: { ca: 'root', checkServerIdentity: () => undefined } },
      { PGSSLMODE: 'verify-ca', PGSSLROOTCERT: 'root' },
    ],
    [
      'a certificate of the client',
      { ssl: { ca: ['a', 'b'], cert: 'mine', key: 'secret' } },
      { PGSSLMODE: 'verify-full', PGSSLROOTCERT: 'a\nb', PGSSLCERT: 'mine', PGSSLKEY: 'secret' },
    ],
    ['no TLS after all', { ssl: false, sslmode: 'verify-full' }, { PGSSLMODE: 'disable' }],
  ])('check as node-postgres does with %s', async (_what, database, expected) => {
    const variables = await read(database);
    expect(Object.fromEntries(Object.entries(variables).filter(([name]) => name.startsWith('PGSSL')))).toEqual(
      expected,
    );
  });

  it('name files that are private, and last only as long as they are needed', async () => {
    let path = '';
    await withLibpqVariables({ ssl: { ca: 'root', key: 'k' } }, 'the test', async (variables) => {
      path = (await variables())['PGSSLKEY'] ?? '';
      expect(path.startsWith(tmpdir())).toBe(true);
      expect(statSync(path).mode & 0o777).toBe(0o600);
    });
    expect(() => statSync(path)).toThrow('ENOENT');
  });
});
