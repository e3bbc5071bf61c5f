import { beforeAll, describe, expect, it } from 'vitest';

import { ownNames } from '../../src/engine/formats/qualifiers/own-names.js';
import { removeQualifiers } from '../../src/engine/formats/qualifiers/remove-qualifiers.js';
import { loadSqlParser, parseTree } from '../../src/engine/sql/parse/parser.js';

beforeAll(async () => {
  await loadSqlParser();
});

const OWN = `
  CREATE TABLE public.users (id serial PRIMARY KEY, "Odd ""name""" int);
  CREATE TABLE bare (id int);
  CREATE TYPE public.status AS ENUM ('public', 'x');
  CREATE TYPE "public"."user" AS (a int);
  CREATE TYPE public.line AS ENUM ('a');
  CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
  CREATE TABLE public."é" (id int);
  CREATE COLLATION public.german (provider = icu, locale = 'de');
`;

function remove(text: string, generated = false, schema = 'public'): ReturnType<typeof removeQualifiers> {
  const own = ownNames(schema);
  const parsed = parseTree(OWN);
  if (!parsed.ok) throw new Error(parsed.message);
  for (const { node } of parsed.statements) own.add(node);
  return removeQualifiers(text, { schema, own, generated });
}

describe('the schema of the application is taken from', () => {
  it.each([
    ['a table', 'ALTER TABLE public.users ADD x int;', 'ALTER TABLE users ADD x int;'],
    ['a quoted table', 'ALTER TABLE "public" . "users" ADD x int', 'ALTER TABLE "users" ADD x int'],
    ['a name in upper case', 'ALTER TABLE PUBLIC.Users ADD x int', 'ALTER TABLE Users ADD x int'],
    ['a name beyond ASCII, after other text beyond ASCII', '/* ü€😀 */ DROP TABLE public.é', '/* ü€😀 */ DROP TABLE é'],
    [
      'a referenced table',
      'ALTER TABLE x ADD FOREIGN KEY (y) REFERENCES "public"."users"("id")',
      'ALTER TABLE x ADD FOREIGN KEY (y) REFERENCES "users"("id")',
    ],
    [
      'a type, an array of it, and a cast',
      "ALTER TABLE x ADD s public.status[], ADD t public.status DEFAULT 'x'::public.status",
      "ALTER TABLE x ADD s status[], ADD t status DEFAULT 'x'::status",
    ],
    ['a type that is changed', "ALTER TYPE public.status ADD VALUE 'z'", "ALTER TYPE status ADD VALUE 'z'"],
    ['the name of a column', 'SELECT public.users.id FROM public.users', 'SELECT users.id FROM users'],
    [
      'a trigger and its function',
      'CREATE TRIGGER t BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.touch()',
      'CREATE TRIGGER t BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()',
    ],
    [
      'what is dropped',
      'DROP TYPE public.status; DROP FUNCTION public.touch(); DROP TABLE public.users, beta.x',
      'DROP TYPE status; DROP FUNCTION touch(); DROP TABLE users, beta.x',
    ],
    [
      'what is commented on',
      "COMMENT ON COLUMN public.users.id IS 'public.users'",
      "COMMENT ON COLUMN users.id IS 'public.users'",
    ],
    ['what is granted', 'GRANT SELECT ON public.users TO public', 'GRANT SELECT ON users TO public'],
    ['a collation', 'ALTER TABLE x ADD y text COLLATE public.german', 'ALTER TABLE x ADD y text COLLATE german'],
    [
      'a name that is a keyword, which is quoted',
      'ALTER TYPE public.user ADD ATTRIBUTE b int',
      'ALTER TYPE "user" ADD ATTRIBUTE b int',
    ],
    [
      'a sequence that a string names',
      "ALTER TABLE x ALTER y SET DEFAULT nextval('public.users_id_seq'::regclass)",
      "ALTER TABLE x ALTER y SET DEFAULT nextval('users_id_seq'::regclass)",
    ],
    [
      'the body of a function',
      'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $f$ SELECT id FROM public.users $f$',
      'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $f$ SELECT id FROM users $f$',
    ],
    [
      'a DO block',
      'DO $$ BEGIN\n ALTER TABLE "x" ADD FOREIGN KEY (y) REFERENCES "public"."users"("id");\nEXCEPTION WHEN duplicate_object THEN null; END $$;',
      'DO $$ BEGIN\n ALTER TABLE "x" ADD FOREIGN KEY (y) REFERENCES "users"("id");\nEXCEPTION WHEN duplicate_object THEN null; END $$;',
    ],
    ['a name over two lines, which stay two', 'ALTER TABLE public.\nusers ADD x int', 'ALTER TABLE \nusers ADD x int'],
  ])('%s', (_what, text, expected) => {
    expect(remove(text)).toEqual({ text: expected, undecided: [] });
  });

  it('leaves out the creation of that schema, and keeps the lines', () => {
    expect(remove('-- CreateSchema\nCREATE SCHEMA IF NOT EXISTS "public";\n\nSELECT 1;')).toEqual({
      text: '-- CreateSchema\n\n\nSELECT 1;',
      undecided: [],
    });
  });
});

describe('the schema stays with', () => {
  it.each([
    [
      'what the folder does not create',
      'ALTER TABLE x ADD FOREIGN KEY (y) REFERENCES public.currencies (code), ADD z public.money_unit',
    ],
    ['an alias with that name', 'SELECT public.users FROM bare AS public'],
    ['a text', "INSERT INTO bare SELECT 'public.users'"],
    ['a comment', 'SELECT 1 -- public.users'],
    ['a value of an enum', "CREATE TYPE mine AS ENUM ('public', 'users')"],
    ['the columns of a key', 'ALTER TABLE bare ADD UNIQUE (public, users)'],
    ['another schema', 'DROP TABLE beta.users'],
  ])('%s', (_what, text) => {
    expect(remove(text)).toEqual({ text, undecided: [] });
  });
});

describe('what cannot be decided is refused:', () => {
  it.each([
    [
      'a table that the folder creates without a schema',
      'ALTER TABLE public.bare ADD x int',
      /creates bare without a schema and names public\.bare/,
    ],
    ["a type with the name of one of PostgreSQL's", 'ALTER TABLE x ADD y public.line', /PostgreSQL's own line/],
    [
      'a text inside of code',
      "DO $$ BEGIN EXECUTE 'DROP TABLE public.users'; END $$",
      /text inside of code names public\.users/,
    ],
    ['a body in single quotes', "DO 'BEGIN DROP TABLE public.users; END'", /text inside of code names public\.users/],
    ['a text that cannot be parsed', 'ALTERR TABLE public.users', /cannot be read as SQL/],
    [
      'a name in Unicode escapes',
      'ALTER TABLE U&"publi\\0063".users ADD x int, ADD y public.status',
      /without changing something else/,
    ],
  ])('%s', (_what, text, reason) => {
    const { undecided, text: same } = remove(text);
    expect(same).toBe(text);
    expect(undecided.map((one) => one.reason).join('\n')).toMatch(reason);
  });

  it('but in generated folders a name with the schema is always the own one', () => {
    expect(remove('ALTER TABLE public.bare ADD x int', true).text).toBe('ALTER TABLE bare ADD x int');
  });
});
