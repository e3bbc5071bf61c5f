import { describe, expect, it } from 'vitest';

import { accountForRoot, chooseAccount } from '../../src/embedded/account.js';

const ROOT = 'root:x:0:0:root:/root:/bin/bash';
const NOBODY = 'nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin';
const POSTGRES = 'postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash';

describe('the account that runs PostgreSQL for root', () => {
  it.each([
    ['postgres before nobody', [ROOT, NOBODY, POSTGRES], { name: 'postgres', uid: 101, gid: 104 }],
    ['nobody where there is no postgres', [ROOT, NOBODY], { name: 'nobody', uid: 65534, gid: 65533 }],
    ['none where there is neither', [ROOT, 'postgres2:x:5:5::/:/bin/sh'], undefined],
    [
      'never one that is root by another name',
      ['postgres:x:0:0::/:/bin/sh', NOBODY],
      { name: 'nobody', uid: 65534, gid: 65533 },
    ],
    ['none from broken lines', ['postgres', 'nobody:x:::', '+::::::', ''], undefined],
  ])('is %s', (_, lines, expected) => {
    expect(chooseAccount(lines.join('\n'))).toEqual(expected);
  });

  it('is refused with a way out where the system has none', async () => {
    const surroundings = { uid: 0, passwdFile: '/nonexistent/passwd', systemPlaces: [] };
    await expect(accountForRoot(surroundings)).rejects.toMatchObject({
      code: 'EMBEDDED_UNAVAILABLE',
      message: expect.stringContaining('does not run as root'),
      suggestions: expect.arrayContaining([expect.stringContaining('ordinary user')]),
    });
  });
});
