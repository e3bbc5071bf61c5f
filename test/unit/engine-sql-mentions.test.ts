import { describe, expect, it } from 'vitest';

import { findSchemaMentions } from '../../src/engine/sql/mentions/mentions.js';

/** What a body or a definition mentions of these: names with an exclamation mark are certain. */
const KNOWN = new Set(['acme', 'Acme', 'beta', 'we"ird', 'new', 'projects', 'p', 'users', 'rec', 'true', 'config']);

async function of(stored: Parameters<typeof findSchemaMentions>[0]): Promise<string[]> {
  const found = (await findSchemaMentions(stored)).filter(({ schema }) => KNOWN.has(schema));
  return found.map(({ schema, certain }) => schema + (certain ? '!' : '')).sort();
}

describe('the body of a SQL function', () => {
  it.each([
    ['a table', 'SELECT count(*) FROM acme.projects', ['acme!']],
    ['a quoted name', 'SELECT 1 FROM "Acme".t, "we""ird".t', ['Acme!', 'we"ird!']],
    ['a folded name', 'SELECT 1 FROM ACME.projects', ['acme!']],
    [
      'a function, a type, an operator',
      'SELECT acme.f($1::beta.kind) OPERATOR("Acme".=) 1',
      ['Acme!', 'acme!', 'beta!'],
    ],
    ['a column with all its names', 'SELECT acme.projects.id FROM acme.projects', ['acme!']],
    ['all columns', 'SELECT acme.projects.* FROM acme.projects', ['acme!']],
    ['what is written', 'INSERT INTO acme.t VALUES (1); DROP TABLE beta.x', ['acme!', 'beta!']],
    ['a schema that is created', 'CREATE SCHEMA acme', ['acme!']],
    ['an alias of that name', 'SELECT acme.id FROM projects acme', []],
    ['a comment', 'SELECT 1 -- FROM acme.projects', []],
    ['another name', 'SELECT 1 FROM xacme.t, acme0.t', []],
    ['a constant', `SELECT nextval('acme.seq'), 'beta'`, ['acme!', 'beta']],
    ['a path', `SELECT set_config('search_path', 'acme, public', true)`, ['acme!']],
    ['another setting', `SELECT set_config('my.tenant', 'acme', true)`, ['acme']],
    ['a sentence', `SELECT 'ask acme. Or beta.'`, []],
  ])('names %s', async (_, text, expected) => {
    expect(await of({ kind: 'body', language: 'sql', text })).toEqual(expected);
  });
});

describe('the body of a PL/pgSQL function', () => {
  it.each([
    ['a table', 'BEGIN RETURN (SELECT count(*) FROM acme.projects p WHERE p.id = 1); END', ['acme!']],
    ['what is written', 'BEGIN INSERT INTO acme.t VALUES (1); UPDATE beta.t SET a = 1; END', ['acme!', 'beta!']],
    ['a join', 'BEGIN PERFORM 1 FROM users JOIN acme.t ON t.id = users.id; END', ['acme!']],
    ['a call', 'BEGIN x := acme.f(1); END', ['acme!']],
    ['row types', 'DECLARE r acme.projects%ROWTYPE; n beta.projects.id%TYPE; BEGIN END', ['acme!', 'beta!']],
    ['the type of a column', 'DECLARE n users.id%TYPE; BEGIN END', ['users']],
    ['a cast', 'BEGIN x := 1::acme.kind; END', ['acme!']],
    ['rows of a trigger', 'BEGIN IF NEW.a IS DISTINCT FROM OLD.a THEN NEW.b := 1; END IF; RETURN NEW; END', []],
    ['a field that is filled', 'DECLARE rec record; BEGIN SELECT 1 INTO rec.a FROM users; END', []],
    ['an alias after FROM', 'BEGIN PERFORM extract(year FROM p.made) FROM projects p; END', []],
    ['the table itself', 'BEGIN PERFORM extract(year FROM projects.made) FROM acme.projects; END', ['acme!']],
    ['a statement in a string', `BEGIN EXECUTE 'DELETE FROM acme.t WHERE a = ''x'''; END`, ['acme!']],
    ['a statement that is put together', `BEGIN EXECUTE 'SELECT 1 FROM acme.' || quote_ident(t); END`, ['acme!']],
    ['a name that is put together', `BEGIN EXECUTE format('SELECT 1 FROM %I.t', 'acme'); END`, ['acme']],
    ['a statement in dollar quotes', 'BEGIN EXECUTE $x$ SELECT 1 FROM "Acme".t $x$; END', ['Acme!']],
    ['a path', 'BEGIN SET LOCAL search_path TO public, acme; END', ['acme!']],
    ['a path in a call', `BEGIN PERFORM set_config('search_path', 'acme', true); END`, ['acme!']],
    ['a comment', 'BEGIN /* acme.t */ RETURN 1; -- acme.t\nEND', []],
    ['a value', `BEGIN IF plan = 'beta' THEN RETURN 1; END IF; END`, ['beta']],
    ['a file', `BEGIN RAISE NOTICE 'see config.json for acme.projects'; END`, []],
  ])('names %s', async (_, text, expected) => {
    expect(await of({ kind: 'body', language: 'plpgsql', text })).toEqual(expected);
  });

  it('is said with the line', async () => {
    const text = '\nDECLARE é text;\nBEGIN\n  RETURN (SELECT 1 FROM acme.t);\nEND';
    expect(await findSchemaMentions({ kind: 'body', language: 'plpgsql', text })).toEqual([
      { schema: 'acme', certain: true, line: 4 },
    ]);
    expect(
      (await findSchemaMentions({ kind: 'body', language: 'sql', text: `SELECT 'é';\nSELECT 1 FROM acme.t` })).find(
        ({ schema }) => schema === 'acme',
      ),
    ).toEqual({ schema: 'acme', certain: true, line: 2 });
  });
});

describe('the body of a function in another language', () => {
  it.each([
    ['python', 'plpython3u', `acme.x = plpy.execute("SELECT 1 FROM beta.t")`, ['beta!']],
    ['a symbol of a library', 'c', 'acme.f', []],
  ])('%s', async (_, language, text, expected) => {
    expect(await of({ kind: 'body', language, text })).toEqual(expected);
  });
});

describe('what the server prints of a definition', () => {
  it.each([
    ['a view', 'statement', 'SELECT id FROM acme.projects', []],
    ['a view with a constant', 'statement', `SELECT id FROM acme.projects WHERE name = 'beta'::text`, ['beta']],
    ['a sequence, which is bound', 'expression', `nextval('acme.seq'::regclass)`, []],
    ['a sequence that is looked up', 'expression', `nextval(('acme.seq'::text)::regclass)`, ['acme!']],
    [
      'the arguments of a trigger',
      'statement',
      `CREATE TRIGGER t BEFORE INSERT ON acme.p FOR EACH ROW EXECUTE FUNCTION acme.f('beta', 'x')`,
      ['beta'],
    ],
    [
      'the condition of a trigger',
      'statement',
      `CREATE TRIGGER t BEFORE INSERT ON acme.p FOR EACH ROW WHEN ((new.a <> 'beta'::text)) EXECUTE FUNCTION acme.f()`,
      ['beta'],
    ],
    [
      'the default of a parameter, not the body',
      'statement',
      `CREATE FUNCTION acme.f(a text DEFAULT 'beta'::text) RETURNS int LANGUAGE sql SET search_path TO 'acme' AS $f$SELECT 1 FROM acme.t$f$`,
      ['beta'],
    ],
  ] as const)('%s', async (_, kind, text, expected) => {
    expect(await of({ kind, text })).toEqual(expected);
  });
});
