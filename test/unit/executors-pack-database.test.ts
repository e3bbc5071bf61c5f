import { describe, expect, it } from 'vitest';

import { readTls } from '../../src/config/database/tls.js';
import { toClientConfig } from '../../src/db/database-config.js';
import { packDatabase, unpackDatabase } from '../../src/executors/pack-database.js';

const never = (): Promise<string> => Promise.reject(new Error('not asked'));

describe('a database configuration for workers', () => {
  it('survives the copy with its buffers and without its functions', () => {
    const database = {
      host: 'db',
      port: 5432,
      password: 'secret',
      ssl: { ca: Buffer.from('root'), rejectUnauthorized: true },
    };
    const copy = structuredClone(packDatabase(database, 'multiprocessing'));
    expect(unpackDatabase(copy, never)).toEqual({
      ...database,
      ssl: { ca: new Uint8Array(Buffer.from('root')), rejectUnauthorized: true },
    });
  });

  it('keeps a password function with the parent', async () => {
    const copy = structuredClone(packDatabase({ host: 'db', password: () => 'secret' }, 'multiprocessing'));
    expect(JSON.stringify(copy)).not.toContain('secret');
    const { password } = unpackDatabase(copy, () => Promise.resolve('asked'));
    expect(typeof password === 'function' && (await password())).toBe('asked');
  });

  it('keeps the check that sslmode=verify-ca leaves out left out', () => {
    const [tls] = readTls({ sslmode: 'verify-ca', sslrootcert: new URL(import.meta.url).pathname });
    const copy = structuredClone(packDatabase({ host: 'db', ...tls }, 'multiprocessing'));
    const { ssl: unpacked } = toClientConfig(unpackDatabase(copy, never));
    expect(typeof unpacked === 'object' && unpacked.checkServerIdentity?.('other.example.com', {} as never)).toBe(
      undefined,
    );
    expect(typeof unpacked === 'object' && typeof unpacked.checkServerIdentity).toBe('function');
  });

  it('is refused with everything in it that cannot be copied', () => {
    const ssl = { checkServerIdentity: () => new Error('never'), secureContext: new URL('http://localhost') };
    const database = { types: { getTypeParser: () => String }, stream: () => undefined, ssl } as never;
    expect(() => packDatabase(database, 'worker-threads')).toThrow(
      expect.objectContaining({
        code: 'EXECUTOR_UNAVAILABLE',
        details: {
          problems: [
            'database.types.getTypeParser is a function',
            'database.stream is a function',
            'database.ssl.checkServerIdentity is a function',
            'database.ssl.secureContext is an object of the class URL',
          ],
        },
      }),
    );
  });

  it('is refused with any check of the host name that is a function, and the refusal names the data that says it', () => {
    const ssl = { checkServerIdentity: () => undefined };
    expect(() => packDatabase({ ssl }, 'worker-threads')).toThrow(
      expect.objectContaining({ suggestions: expect.arrayContaining([expect.stringContaining('verify-ca')]) }),
    );
  });
});
