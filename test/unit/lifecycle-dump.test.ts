import { describe, expect, it } from 'vitest';

import { isLarge } from '../../src/lifecycle/schema-contents.js';
import { withDumpEnvironment } from '../../src/pg-dump/environment.js';
import { parseVersion } from '../../src/pg-dump/find.js';
import { dumpArguments } from '../../src/pg-dump/run.js';
import { scriptParts } from '../../src/pg-dump/script.js';

/** The parts of a script that arrives in pieces of `size` bytes. */
async function partsOf(script: string, size: number): Promise<string[]> {
  const bytes = Buffer.from(script);
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const parts: string[] = [];
  for await (const part of scriptParts(chunks())) {
    if (part.kind === 'sql') parts.push(part.text);
    else {
      const rows: Buffer[] = [];
      for await (const piece of part.rows) rows.push(piece);
      parts.push(`${part.text}<${Buffer.concat(rows).toString('utf8')}>`);
    }
  }
  return parts;
}

describe.each([1, 7, 100_000])('scriptParts, of pieces of %i bytes', (size) => {
  it('tells statements from rows, which pass through as they are', async () => {
    const script = `--\n-- dump\n--\nCREATE TABLE a.b (c text);\n\nCOPY a.b (c) FROM stdin;\né\\n\\\\.\n\\N\n;'$$\n\\.\n\nCOPY a.d FROM stdin;\n\\.\n\n\nSELECT 1;\n`;
    expect(await partsOf(script, size)).toEqual([
      '--\n-- dump\n--\nCREATE TABLE a.b (c text);\n\n',
      `COPY a.b (c) FROM stdin;\n<é\\n\\\\.\n\\N\n;'$$\n>`,
      'COPY a.d FROM stdin;\n<>',
      '\n\nSELECT 1;\n',
    ]);
  });

  it('leaves out what speaks to psql and what lifts the timeouts', async () => {
    const script = `\\restrict abcDEF1\n\nSET statement_timeout = 0;\nSET lock_timeout = 0;\nSET idle_in_transaction_session_timeout = 0;\nSET transaction_timeout = 0;\nSET client_encoding = 'UTF8';\n\\unrestrict abcDEF1\n`;
    expect(await partsOf(script, size)).toEqual([`\nSET client_encoding = 'UTF8';\n`]);
  });

  it.each([
    ['a dollar quote', '$x$', '$x$'],
    ['a bare dollar quote', '$$', '$$'],
    ['a literal', "'", "'"],
    ['a literal with escapes', "E'\\'", "\\\\'"],
    ['a quoted name', '"', '"'],
    ['a comment in a comment', '/* /* */', '*/'],
  ])('looks into nothing that stands in %s', async (_, open, close) => {
    const hidden = `SELECT ${open}\nCOPY a FROM stdin;\n\\.\n\\restrict x\nSET lock_timeout = 0;\n${close};\n`;
    expect(await partsOf(hidden, size)).toEqual([hidden]);
    expect(await partsOf(`${hidden}\\unrestrict x\nCOPY a FROM stdin;\n1\n\\.\n`, size)).toEqual([
      hidden,
      'COPY a FROM stdin;\n<1\n>',
    ]);
  });

  it('knows a COPY by its whole statement, and not in the middle of another one', async () => {
    const name = 'COPY a."b;\n\\." ("c") FROM stdin;\n';
    expect(await partsOf(`${name}1\n\\.\n`, size)).toEqual([`${name}<1\n>`]);
    expect(await partsOf(`SELECT\nCOPY a FROM stdin;\n`, size)).toEqual([`SELECT\nCOPY a FROM stdin;\n`]);
    expect(await partsOf(`SELECT a$b$, 1;\nCOPY a FROM stdin;\n\\.\n`, size)).toHaveLength(2);
  });

  it.each([
    ['among rows', 'COPY a FROM stdin;\n1\n'],
    ['in a literal', "SELECT 'a"],
    ['in a COPY', 'COPY a (b'],
    ['with a command of psql', '\\connect other\n'],
  ])('refuses a script that ends %s', async (_, script) => {
    await expect(partsOf(script, size)).rejects.toMatchObject({ code: 'PG_DUMP_FAILED' });
  });
});

it('a long script comes in several parts, cut between objects', async () => {
  const object = `-- Name: x\n${'SELECT 1;\n'.repeat(2000)}`;
  const parts = await partsOf(object.repeat(10), 1000);
  expect(parts.length).toBeGreaterThan(1);
  expect(parts.join('')).toBe(object.repeat(10));
  for (const part of parts) expect(part.startsWith('-- Name: ')).toBe(true);
});

it.each([
  ['pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n', 15, '15.18'],
  ['pg_dump (PostgreSQL) 18beta1', 18, '18beta1'],
  ['pg_dump (PostgreSQL) 19devel', 19, '19devel'],
  ['pg_dump (EnterpriseDB) 17.2.0', 17, '17.2.0'],
])('the version of %j is understood', (output, major, text) => {
  expect(parseVersion(output)).toEqual({ major, text });
});

it('no version is found where there is none', () => {
  expect(parseVersion('command not found')).toBeUndefined();
});

it('the arguments of pg_dump name exactly one schema, whatever it is called', () => {
  const base = { role: undefined, lockTimeoutMs: 0, snapshot: '0-1' };
  expect(dumpArguments({ ...base, schema: 'a"b.*?' })).toContain('--schema="a""b.*?"');
  const all = dumpArguments({ schema: 'a', role: 'owner', lockTimeoutMs: 5000, snapshot: '0-1', schemaOnly: true });
  expect(all).toEqual(
    expect.arrayContaining(['--lock-wait-timeout=5000', '--role=owner', '--snapshot=0-1', '--schema-only']),
  );
  expect(dumpArguments({ ...base, schema: 'a' }).join(' ')).not.toMatch(/lock-wait|role|schema-only/);
});

it.each([
  [3200, false],
  [3201, true],
])('of 6,400 places in the lock table %i objects are too many: %s', (objects, large) => {
  expect(isLarge({ objects, lockSpace: 6400 })).toBe(large);
});

it('the environment of pg_dump says everything about the connection, and nothing of ours gets in', async () => {
  process.env['PGSERVICE'] = 'wrong';
  process.env['PGPASSWORD'] = 'wrong';
  try {
    const database = { host: 'db', port: 6543, user: 'u', database: 'd', password: 'secret', options: '-c a=b' };
    await withDumpEnvironment(database, 'purpose', (environment) => {
      const ours = Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith('PG')));
      expect(ours).toEqual({
        PGHOST: 'db',
        PGPORT: '6543',
        PGUSER: 'u',
        PGDATABASE: 'd',
        PGPASSWORD: 'secret',
        PGOPTIONS: '-c a=b',
        PGAPPNAME: 'purpose',
        PGCLIENTENCODING: 'UTF8',
        PGSSLMODE: 'disable',
        PGPASSFILE: expect.stringContaining('none') as string,
        PGSSLROOTCERT: expect.stringContaining('none') as string,
      });
      expect(environment['PATH']).toBe(process.env['PATH']);
      return Promise.resolve();
    });
  } finally {
    delete process.env['PGSERVICE'];
    delete process.env['PGPASSWORD'];
  }
});
