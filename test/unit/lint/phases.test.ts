import { expect, it } from 'vitest';

import { lintFiles } from '../../fixtures/lint.js';

it('a migration that is new behind one that waits for the new code is found, unless all files are looked at', async () => {
  const files = {
    'migrations/tenant/0002_a.sql': '-- tenants: phase=post\nALTER TABLE t DROP COLUMN n;',
    'migrations/tenant/0003_b.sql': 'ALTER TABLE t ADD COLUMN c int;',
    'migrations/tenant/0004_c.sql': '-- tenants: phase=post\nALTER TABLE t DROP COLUMN c;',
  };
  const paths = ['0002_a', '0003_b', '0004_c'].map((name) => `migrations/tenant/${name}.sql`);
  const { findings } = await lintFiles(files, { paths });
  expect(findings).toMatchObject([
    { rule: 'pre-after-post', migration: '0003_b', line: 1, message: expect.stringContaining('0002_a') },
  ]);
  expect((await lintFiles(files)).findings).toEqual([]);
  expect((await lintFiles(files, { paths: paths.slice(1) })).findings).toEqual([]);
});
