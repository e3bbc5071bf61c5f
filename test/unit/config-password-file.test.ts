import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { findPassword, passwordFromFile } from '../../src/config/database/password-file.js';

const KEY = { host: 'db.example.com', port: 5432, database: 'app', user: 'alice' };

describe('findPassword', () => {
  it.each<[string, string, string | undefined]>([
    ['an exact line', 'db.example.com:5432:app:alice:one', 'one'],
    ['wildcards', '*:*:*:*:one', 'one'],
    ['the first line that matches', '*:5433:*:*:no\n*:*:app:*:one\n*:*:*:*:two', 'one'],
    ['a comment as none', '#*:*:*:*:no\n*:*:*:*:one', 'one'],
    ['escaped colons and backslashes', String.raw`*:*:*:alice:a\:b\\c`, String.raw`a:b\c`],
    ['a password that ends at the next colon', '*:*:*:*:one:two', 'one'],
    ['Windows line ends', '*:*:*:alice:one\r\n', 'one'],
    ['an escaped star as a name', String.raw`\*:*:*:*:no`, undefined],
    ['another user', '*:*:*:bob:one', undefined],
    ['another port', '*:5433:*:*:one', undefined],
    ['a line with too few fields', '*:*:*:alice', undefined],
    ['an empty file', '', undefined],
  ])('reads %s', (_, content, password) => {
    expect(findPassword(content, KEY)).toBe(password);
  });

  it('matches escapes in the fields before the password', () => {
    expect(findPassword(String.raw`\:\:1:*:a\\b:*:one`, { ...KEY, host: '::1', database: String.raw`a\b` })).toBe(
      'one',
    );
  });

  it('knows the sockets that are built into libpq as localhost', () => {
    expect(findPassword('localhost:*:*:*:one', { ...KEY, host: '/var/run/postgresql' })).toBe('one');
    expect(findPassword('localhost:*:*:*:one', { ...KEY, host: '/opt/sockets' })).toBeUndefined();
  });
});

describe('passwordFromFile', () => {
  let folder: string;
  let file: string;
  let warnings: string[];
  const read = (env: Record<string, string>) => passwordFromFile(KEY, env, (message) => warnings.push(message));

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'tenants pgpass ü '));
    file = path.join(folder, '.pgpass');
    warnings = [];
    await writeFile(file, '*:*:*:*:hunter2\n', { mode: 0o600 });
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('reads PGPASSFILE, and ~/.pgpass without it', () => {
    expect(read({ PGPASSFILE: file, HOME: '/nonexistent' })).toBe('hunter2');
    expect(read({ HOME: folder })).toBe('hunter2');
    expect(warnings).toEqual([]);
  });

  it('ignores, with a warning, a file that others can read', async () => {
    await chmod(file, 0o640);
    expect(read({ PGPASSFILE: file })).toBeUndefined();
    expect(warnings.join()).toContain('0600');
    expect(warnings.join()).toContain(file);
    expect(warnings.join()).not.toContain('hunter2');
  });

  it('ignores, with a warning, what is no plain file, and without one what is absent', async () => {
    await mkdir(path.join(folder, 'sub'));
    expect(read({ PGPASSFILE: path.join(folder, 'sub') })).toBeUndefined();
    expect(warnings).toHaveLength(1);
    expect(read({ PGPASSFILE: path.join(folder, 'absent') })).toBeUndefined();
    expect(warnings).toHaveLength(1);
  });
});
