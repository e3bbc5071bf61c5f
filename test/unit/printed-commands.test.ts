import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, describe, expect, it } from 'vitest';

import { COMMAND_NAMES } from '../../src/cli/command-names.js';
import { setInvocation, tenantsCommand } from '../../src/util/tenants-command.js';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

/** A file that is written into projects, and scripts for programs that are on the PATH. */
const NOT_ADVICE = /migration-template\.ts|completion\/scripts\.ts/;

afterEach(() => setInvocation('tenants'));

describe('commands that are printed', () => {
  it('begin as this installation is called and quote every word for a shell', () => {
    setInvocation(() => 'pnpm exec tenants');
    expect(tenantsCommand('delete-tenant', `it's "so"`)).toBe(`pnpm exec tenants delete-tenant 'it'\\''s "so"'`);
  });

  it('come from tenantsCommand alone, so that they can be pasted', () => {
    const pattern = new RegExp(String.raw`\btenants (?:--\w|(?:${COMMAND_NAMES.join('|')})\b(?! of| with| has))`);
    const found = sources().flatMap((file) =>
      readFileSync(join(SRC, file), 'utf8')
        .split('\n')
        .map((text, index) => ({ at: `${file}:${index + 1}`, text: text.trim() }))
        .filter(({ text }) => !/^(?:\*|\/\/|\/\*)/.test(text) && pattern.test(text))
        .map(({ at, text }) => `${at}: ${text}`),
    );
    expect(found.filter((line) => !NOT_ADVICE.test(line))).toEqual([]);
  });
});

function sources(): string[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
}
