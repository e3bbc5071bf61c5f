import { describe, expect, inject, it } from 'vitest';

import { openClient } from '../../src/db/connect.js';
import { useDatabase } from '../support/database.js';

// Another server may let everybody in, and may speak TLS.
describe.skipIf(inject('externalServer'))('a connection that is refused', () => {
  const database = useDatabase();

  it('without a password says that there is none', async () => {
    const { password: _, ...config } = database.config;
    for (const given of [config, { ...config, password: '' }]) {
      await expect(openClient(given, 'test')).rejects.toMatchObject({
        code: 'DATABASE_REFUSED',
        exitCode: 5,
        message: expect.stringMatching(/requires a password as \S+, but none was given\.$/) as string,
        suggestions: [expect.stringContaining('PGPASSFILE')],
      });
    }
  });

  it('by a password function that fails gives its reason', async () => {
    const password = (): Promise<string> => Promise.reject(new Error('the vault is sealed'));
    await expect(openClient({ ...database.config, password }, 'test')).rejects.toMatchObject({
      code: 'DATABASE_REFUSED',
      exitCode: 5,
      message: 'The password function of the database setting failed: the vault is sealed.',
    });
  });

  it('for want of TLS says how to do without', async () => {
    const config = { ...database.config, ssl: { rejectUnauthorized: false } };
    await expect(openClient(config, 'test')).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      exitCode: 5,
      suggestions: [expect.stringContaining('sslmode=disable')],
    });
  });
});
