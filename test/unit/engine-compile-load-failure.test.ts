import { describe, expect, it } from 'vitest';

import { loadFailure } from '../../src/engine/compile/load.js';

const FILE = { name: '0001_a', path: '/app/migrations/0001_a.ts' };

describe('the error for a migration file that cannot be loaded', () => {
  it.each([
    [
      "Cannot find module '@acme/schemas/dist/types'\nRequire stack:\n- /app/migrations/0001_a.ts",
      'Install @acme/schemas ',
    ],
    ["Cannot find module 'mime-types'\nRequire stack:\n- /app/src/model.ts", 'Install mime-types '],
    ["Cannot find package 'lodash' imported from /app/migrations/0001_a.ts", 'Install lodash '],
    ["Cannot find module '../types'\nRequire stack:\n- /app/migrations/0001_a.ts", 'Add the imported file'],
  ])('%s', (message, advice) => {
    const { message: said, suggestions } = loadFailure(FILE, new Error(message));
    expect(said).toContain(FILE.path);
    expect(suggestions.join()).toContain(advice);
  });

  it('gives no advice about other errors', () => {
    expect(loadFailure(FILE, new Error('Unexpected token')).suggestions).toEqual([]);
  });
});
