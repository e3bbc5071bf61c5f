import { describe, expect, it } from 'vitest';

import { LINT_RULE_NAMES, type LintRule } from '../../../src/lint/rule-names.js';
import { lintFiles, rulesOf } from '../../fixtures/lint.js';
import { ROW_TABLE_CASES } from '../../fixtures/row-tables.js';

/** Rules that are off are turned on, so that their cases say something. */
const ALL_ON = JSON.stringify({
  tenants: { extraSearchPath: ['extensions'], types: { pooled: 'rows' } },
  lint: { rules: Object.fromEntries(LINT_RULE_NAMES.map((rule) => [rule, 'warning'])) },
});

const OUTSIDE = '-- tenants: no-transaction\n';

/** For each rule: migrations in which it finds something, and ones that look similar and are harmless. */
const CASES: Record<LintRule, { hits: string[]; misses: string[] }> = {
  'add-column-not-null': {
    hits: [
      'ALTER TABLE t ADD COLUMN c int NOT NULL',
      'ALTER TABLE t ADD COLUMN c int PRIMARY KEY',
      'ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT NULL',
      'DO $$ BEGIN ALTER TABLE t ADD COLUMN c int NOT NULL; END $$',
    ],
    misses: [
      'ALTER TABLE t ADD COLUMN c int',
      'ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 0',
      'ALTER TABLE t ADD COLUMN c int NOT NULL GENERATED ALWAYS AS IDENTITY',
      'ALTER TABLE t ADD COLUMN c int NOT NULL GENERATED ALWAYS AS (n + 1) VIRTUAL',
      'CREATE TABLE new (id int); ALTER TABLE new ADD COLUMN c int NOT NULL',
      'CREATE TEMP TABLE new (id int); ALTER TABLE new ADD COLUMN c int NOT NULL',
      'CREATE TABLE first (id int); ALTER TABLE first RENAME TO new; ALTER TABLE new ADD COLUMN c int NOT NULL',
    ],
  },
  'add-column-rewrite': {
    hits: [
      'ALTER TABLE t ADD COLUMN c uuid DEFAULT gen_random_uuid()',
      'ALTER TABLE t ADD COLUMN c timestamptz DEFAULT pg_catalog.clock_timestamp()',
      'ALTER TABLE t ADD COLUMN c text DEFAULT left(random()::text, 4)',
      'ALTER TABLE t ADD COLUMN c bigserial',
      'ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS IDENTITY',
      'ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS (n + 1) STORED',
    ],
    misses: [
      'ALTER TABLE t ADD COLUMN c timestamptz DEFAULT now()',
      'ALTER TABLE t ADD COLUMN c date DEFAULT CURRENT_DATE',
      'ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS (n + 1) VIRTUAL',
      'ALTER TABLE t ADD COLUMN c uuid; ALTER TABLE t ALTER c SET DEFAULT gen_random_uuid()',
    ],
  },
  'change-column-type': {
    hits: [
      'ALTER TABLE t ALTER n TYPE bigint',
      'ALTER TABLE t ALTER name TYPE varchar(10)',
      'ALTER TABLE t ALTER note TYPE varchar(10)',
      'ALTER TABLE t ALTER price TYPE numeric(12, 4)',
      'ALTER TABLE t ALTER at TYPE timestamp',
      'ALTER TABLE t ALTER name TYPE varchar(30) USING upper(name)',
      'ALTER TABLE t ALTER unknown TYPE text',
    ],
    misses: [
      'ALTER TABLE t ALTER name TYPE varchar(30)',
      'ALTER TABLE t ALTER name TYPE text',
      'ALTER TABLE t ALTER name TYPE varchar USING name::varchar',
      'ALTER TABLE t ALTER note TYPE varchar',
      'ALTER TABLE t ALTER price TYPE numeric(12, 2)',
      'ALTER TABLE t ALTER price TYPE numeric',
      'ALTER TABLE t ALTER at TYPE timestamptz',
      'ALTER TABLE t ALTER n TYPE int',
      'CREATE TABLE new (n int); ALTER TABLE new ALTER n TYPE bigint',
    ],
  },
  'set-not-null': {
    hits: [
      'ALTER TABLE t ALTER n SET NOT NULL',
      'ALTER TABLE t ADD CONSTRAINT c CHECK (n IS NOT NULL) NOT VALID, ALTER n SET NOT NULL',
      'ALTER TABLE t ADD CONSTRAINT c CHECK (n IS NOT NULL) NOT VALID; ALTER TABLE t ALTER n SET NOT NULL',
    ],
    misses: [
      'ALTER TABLE t ADD CONSTRAINT c CHECK (n IS NOT NULL) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c; ALTER TABLE t ALTER n SET NOT NULL',
      'ALTER TABLE t ADD CONSTRAINT c NOT NULL n NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c; ALTER TABLE t ALTER n SET NOT NULL',
      'ALTER TABLE t ALTER n DROP NOT NULL',
      'ALTER TABLE t ADD COLUMN c int DEFAULT 0; ALTER TABLE t ALTER c SET NOT NULL',
    ],
  },
  'add-foreign-key': {
    hits: [
      'ALTER TABLE u ADD CONSTRAINT f FOREIGN KEY (t_id) REFERENCES t',
      'ALTER TABLE u ADD COLUMN c bigint DEFAULT 1 REFERENCES t',
    ],
    misses: [
      'ALTER TABLE u ADD CONSTRAINT f FOREIGN KEY (t_id) REFERENCES t NOT VALID',
      'ALTER TABLE u ADD COLUMN c bigint REFERENCES t',
      'CREATE TABLE new (t_id bigint REFERENCES t)',
      'CREATE TABLE new (t_id bigint); ALTER TABLE new ADD FOREIGN KEY (t_id) REFERENCES t',
    ],
  },
  'add-check': {
    hits: [
      'ALTER TABLE t ADD CONSTRAINT c CHECK (n > 0)',
      'ALTER TABLE t ADD COLUMN c int CHECK (c > 0)',
      'ALTER DOMAIN positive ADD CONSTRAINT c CHECK (VALUE > 0)',
    ],
    misses: [
      'ALTER TABLE t ADD CONSTRAINT c CHECK (n > 0) NOT VALID',
      'ALTER DOMAIN positive ADD CONSTRAINT c CHECK (VALUE > 0) NOT VALID',
      'CREATE DOMAIN d AS int; ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE > 0)',
      'CREATE TABLE new (n int CHECK (n > 0))',
    ],
  },
  'validate-in-same-transaction': {
    hits: [
      'ALTER TABLE t ADD CONSTRAINT c CHECK (n > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c',
      'ALTER TABLE u ADD CONSTRAINT f FOREIGN KEY (t_id) REFERENCES t NOT VALID, VALIDATE CONSTRAINT f',
    ],
    misses: [
      'ALTER TABLE t VALIDATE CONSTRAINT older',
      `${OUTSIDE}ALTER TABLE t ADD CONSTRAINT c CHECK (n > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c`,
    ],
  },
  'add-unique': {
    hits: [
      'ALTER TABLE t ADD UNIQUE (n)',
      'ALTER TABLE u ADD PRIMARY KEY (t_id)',
      'ALTER TABLE t ADD COLUMN c text UNIQUE',
      'ALTER TABLE t ADD CONSTRAINT c EXCLUDE USING gist (at WITH &&)',
    ],
    misses: [
      'ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i',
      'CREATE TABLE new (n int); ALTER TABLE new ADD UNIQUE (n)',
    ],
  },
  'create-index-without-concurrently': {
    hits: ['CREATE INDEX ON t (n)', 'CREATE UNIQUE INDEX IF NOT EXISTS i ON t (n)'],
    misses: [
      `${OUTSIDE}CREATE INDEX CONCURRENTLY ON t (n)`,
      'CREATE TABLE new (n int); CREATE INDEX ON new (n)',
      'CREATE MATERIALIZED VIEW v AS SELECT 1 AS n; CREATE INDEX ON v (n)',
    ],
  },
  'drop-index-without-concurrently': {
    hits: ['DROP INDEX t_n', 'DROP INDEX IF EXISTS t_n, t_m'],
    misses: [
      `${OUTSIDE}DROP INDEX CONCURRENTLY t_n`,
      'CREATE TABLE new (n int); CREATE INDEX i ON new (n); DROP INDEX i',
    ],
  },
  'reindex-without-concurrently': {
    hits: ['REINDEX TABLE t', 'REINDEX INDEX t_n'],
    misses: [`${OUTSIDE}REINDEX TABLE CONCURRENTLY t`, 'CREATE TABLE new (n int UNIQUE); REINDEX TABLE new'],
  },
  'refresh-without-concurrently': {
    hits: ['REFRESH MATERIALIZED VIEW m'],
    misses: [
      'REFRESH MATERIALIZED VIEW CONCURRENTLY m',
      'REFRESH MATERIALIZED VIEW m WITH NO DATA',
      'CREATE MATERIALIZED VIEW v AS SELECT 1 AS n WITH NO DATA; REFRESH MATERIALIZED VIEW v',
    ],
  },
  'rewrite-table': {
    hits: [
      `${OUTSIDE}VACUUM FULL t`,
      `${OUTSIDE}VACUUM (FULL, ANALYZE)`,
      'CLUSTER t USING t_n',
      'ALTER TABLE t SET UNLOGGED',
      'ALTER TABLE t SET TABLESPACE fast',
    ],
    misses: [`${OUTSIDE}VACUUM t`, `${OUTSIDE}VACUUM (FULL false) t`, 'ALTER TABLE t SET (fillfactor = 70)'],
  },
  'lock-table': {
    hits: ['LOCK TABLE t', 'LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE'],
    misses: ['LOCK TABLE t IN ROW SHARE MODE', 'CREATE TABLE new (n int); LOCK TABLE new'],
  },
  'disable-trigger': {
    hits: [
      'ALTER TABLE t DISABLE TRIGGER ALL',
      'ALTER TABLE t DISABLE TRIGGER touch',
      'SET LOCAL session_replication_role = replica',
    ],
    misses: ['ALTER TABLE t ENABLE TRIGGER ALL', 'CREATE TABLE new (n int); ALTER TABLE new DISABLE TRIGGER ALL'],
  },
  'many-exclusive-locks': {
    hits: [
      'ALTER TABLE t ADD COLUMN c int; ALTER TABLE u ADD COLUMN c int',
      'DROP TABLE t; ALTER TABLE u RENAME t_id TO c',
    ],
    misses: [
      'ALTER TABLE t ADD COLUMN c int; ALTER TABLE t ADD COLUMN d int',
      'ALTER TABLE t ADD COLUMN c int; CREATE TABLE new (n int); ALTER TABLE new ADD COLUMN c int',
      'ALTER TABLE t ADD COLUMN c int; ALTER TABLE u VALIDATE CONSTRAINT older',
      `${OUTSIDE}ALTER TABLE t ADD COLUMN c int; ALTER TABLE u ADD COLUMN c int`,
    ],
  },
  'full-table-change': {
    hits: [
      'ALTER TABLE t ADD COLUMN c int; UPDATE t SET c = 1',
      'DELETE FROM u WHERE true; ALTER TABLE t ADD COLUMN c int',
      'UPDATE t SET n = 1; CREATE INDEX ON u (t_id)',
    ],
    misses: [
      'UPDATE t SET n = 1',
      'ALTER TABLE t ADD COLUMN c int; UPDATE t SET c = 1 WHERE id = 1',
      'CREATE TABLE new (n int); UPDATE t SET n = 1',
      'CREATE TABLE new (n int); ALTER TABLE t ADD COLUMN c int; UPDATE new SET n = 1',
      `${OUTSIDE}ALTER TABLE t ADD COLUMN c int; UPDATE t SET c = 1`,
    ],
  },
  'drop-column': {
    hits: ['ALTER TABLE t DROP COLUMN n', 'ALTER TABLE t DROP COLUMN IF EXISTS n'],
    misses: ['ALTER TABLE t ADD c int; ALTER TABLE t DROP c', '-- tenants: phase=post\nALTER TABLE t DROP COLUMN n'],
  },
  'drop-table': {
    hits: ['DROP TABLE t', 'DROP TABLE IF EXISTS t, u'],
    misses: ['CREATE TABLE new (n int); DROP TABLE new', 'DROP VIEW v', '-- tenants: phase=post\nDROP TABLE t'],
  },
  'rename-column': {
    hits: ['ALTER TABLE t RENAME COLUMN n TO m', 'ALTER TABLE t RENAME n TO m'],
    misses: [
      'ALTER TABLE t RENAME CONSTRAINT a TO b',
      'CREATE TABLE new (n int); ALTER TABLE new RENAME n TO m',
      'ALTER TABLE t ADD COLUMN c int; ALTER TABLE t RENAME c TO d',
    ],
  },
  'rename-table': {
    hits: ['ALTER TABLE t RENAME TO s', 'ALTER VIEW v RENAME TO w'],
    misses: ['ALTER INDEX t_n RENAME TO t_m', 'CREATE TABLE new (n int); ALTER TABLE new RENAME TO newer'],
  },
  'drop-cascade': {
    hits: [
      'DROP TABLE t CASCADE',
      'DROP FUNCTION f() CASCADE',
      'ALTER TABLE t DROP COLUMN n CASCADE',
      'ALTER TABLE t DROP CONSTRAINT t_pkey CASCADE',
    ],
    misses: ['DROP TABLE t', 'CREATE TABLE new (n int); DROP TABLE new CASCADE'],
  },
  'truncate-cascade': {
    hits: ['TRUNCATE t CASCADE'],
    misses: ['TRUNCATE t, u', 'TRUNCATE t RESTRICT'],
  },
  'char-type': {
    hits: ['CREATE TABLE new (c char(3))', 'ALTER TABLE t ADD COLUMN c character(3)'],
    misses: ['CREATE TABLE new (c text, d "char")'],
  },
  'varchar-length': {
    hits: ['CREATE TABLE new (c varchar(3))'],
    misses: ['CREATE TABLE new (c varchar)'],
  },
  'timestamp-without-time-zone': {
    hits: ['CREATE TABLE new (c timestamp)', 'ALTER TABLE t ADD COLUMN c timestamp(3) without time zone'],
    misses: ['CREATE TABLE new (c timestamptz, d timestamp with time zone, e date)'],
  },
  'money-type': { hits: ['CREATE TABLE new (c money)'], misses: ['CREATE TABLE new (money numeric)'] },
  'serial-type': {
    hits: ['CREATE TABLE new (c serial)', 'CREATE TABLE new (c bigserial)'],
    misses: ['CREATE TABLE new (c int GENERATED ALWAYS AS IDENTITY)'],
  },
  'json-type': { hits: ['CREATE TABLE new (c json)'], misses: ['CREATE TABLE new (c jsonb)'] },
  'outside-transaction': {
    hits: ['CREATE INDEX CONCURRENTLY ON t (n)', 'DROP INDEX CONCURRENTLY t_n', 'VACUUM t'],
    misses: [`${OUTSIDE}CREATE INDEX CONCURRENTLY ON t (n)`, 'CREATE TABLE new (n int)'],
  },
  'enum-value-in-same-transaction': {
    hits: [
      `ALTER TYPE mood ADD VALUE 'ugly'; ALTER TABLE t ADD COLUMN c mood DEFAULT 'ugly'`,
      `ALTER TYPE mood ADD VALUE 'ugly'; UPDATE t SET note = 'ugly' WHERE id = 1`,
    ],
    misses: [
      `ALTER TYPE mood ADD VALUE 'ugly'; UPDATE t SET note = 'bad' WHERE id = 1`,
      `CREATE TYPE state AS ENUM ('a'); ALTER TYPE state ADD VALUE 'ugly'; UPDATE t SET note = 'ugly' WHERE id = 1`,
      `${OUTSIDE}ALTER TYPE mood ADD VALUE 'ugly'; UPDATE t SET note = 'ugly' WHERE id = 1`,
      `ALTER TYPE mood RENAME VALUE 'bad' TO 'ugly'; UPDATE t SET note = 'ugly' WHERE id = 1`,
    ],
  },
  'other-schema': {
    hits: [
      'INSERT INTO acme.t (n) VALUES (1)',
      'UPDATE t SET n = acme.next_number() WHERE id = 1',
      'CREATE TABLE new (c acme.mood)',
      'CREATE TABLE public.new (n int)',
      'CREATE ROLE reader',
    ],
    misses: [
      'UPDATE t SET note = pg_catalog.lower(note) WHERE id = 1',
      'ALTER TABLE t ADD COLUMN c uuid DEFAULT extensions.uuid_nil()',
      'SELECT t.n FROM t',
      '-- tenants: allow-fall-through\nCREATE ROLE reader',
    ],
  },
  'shared-schema-name': {
    hits: ['UPDATE t SET note = code FROM public.currencies WHERE t.id = 1', 'SELECT public.notify()'],
    misses: ['UPDATE t SET note = code FROM currencies WHERE t.id = 1', 'SELECT public.n FROM t AS public'],
  },
  'foreign-key-to-shared': {
    hits: [
      'CREATE TABLE new (c text REFERENCES currencies)',
      'ALTER TABLE t ADD FOREIGN KEY (note) REFERENCES public.currencies NOT VALID',
      'ALTER TABLE t ADD COLUMN c text REFERENCES currencies',
    ],
    misses: [
      'CREATE TABLE new (c bigint REFERENCES t)',
      'CREATE TABLE currencies (code text PRIMARY KEY); CREATE TABLE new (c text REFERENCES currencies)',
    ],
  },
  'first-tenant-only': {
    hits: [
      'CREATE EXTENSION IF NOT EXISTS citext',
      'CREATE TABLE IF NOT EXISTS public.new (n int)',
      'CREATE SCHEMA IF NOT EXISTS other',
    ],
    misses: ['CREATE TABLE IF NOT EXISTS new (n int)', 'CREATE EXTENSION IF NOT EXISTS plpgsql'],
  },
  'search-path-from-current': {
    hits: [
      `CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path FROM CURRENT AS 'SELECT 1'`,
      'ALTER FUNCTION f() SET search_path FROM CURRENT',
    ],
    misses: [
      `CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path TO '' AS 'SELECT 1'`,
      `CREATE FUNCTION f() RETURNS int LANGUAGE sql SET work_mem FROM CURRENT AS 'SELECT 1'`,
    ],
  },
  'change-search-path': {
    hits: ['SET search_path TO other', `SELECT set_config('search_path', 'other', true)`],
    misses: [`SET lock_timeout = '1s'`, `SELECT set_config('work_mem', '1MB', true)`],
  },
  'empty-migration': {
    hits: ['', '-- Nothing yet.\n;', '-- Up Migration\n\n-- Down Migration\n'],
    misses: ['SELECT 1'],
  },
  'down-loses-data': {
    hits: [
      'SELECT 1;\n-- Down Migration\nDROP TABLE t;',
      'ALTER TABLE t ADD COLUMN c int;\n-- Down Migration\nALTER TABLE t DROP COLUMN c, DROP COLUMN n;',
      'CREATE TABLE new (n int);\n-- Down Migration\nTRUNCATE t, new;',
      `INSERT INTO t (id) VALUES (1);\n-- Down Migration\nDELETE FROM t;`,
    ],
    misses: [
      'CREATE TABLE new (n int);\n-- Down Migration\nDROP TABLE new;',
      'ALTER TABLE t ADD COLUMN c int;\n-- Down Migration\nALTER TABLE t DROP COLUMN c;',
      'ALTER TABLE t RENAME TO s;\n-- Down Migration\nALTER TABLE s RENAME TO t;',
      `INSERT INTO t (id) VALUES (1);\n-- Down Migration\nDELETE FROM t WHERE id = 1;`,
    ],
  },
  'row-tables': ROW_TABLE_CASES,
  // Its hits need several files: see files.test.ts.
  'pre-after-post': { hits: [], misses: ['SELECT 1'] },
  'missing-down': {
    hits: ['-- Up Migration\nSELECT 1;', '-- Up Migration\nSELECT 1;\n-- Down Migration\n'],
    misses: ['-- Up Migration\nSELECT 1;\n-- Down Migration\nSELECT 2;'],
  },
  'cannot-be-run': {
    hits: ['CREATE TABLE (', 'SELECT 1; COMMIT; SELECT 2', 'COPY t FROM STDIN', '\\connect other'],
    misses: ['BEGIN; SELECT 1; COMMIT', 'SAVEPOINT s; SELECT 1; RELEASE s'],
  },
  'lint-ignore': {
    hits: [
      '-- tenants: lint-ignore\nSELECT 1',
      '-- tenants: lint-ignore drop-table\nDROP TABLE t',
      '-- tenants: lint-ignore no-such-rule It is fine.\nSELECT 1',
    ],
    misses: ['-- tenants: lint-ignore drop-table Nobody uses it.\nDROP TABLE t', '-- lint-ignore\nSELECT 1'],
  },
};

describe.each(Object.entries(CASES))('the rule %s', (rule, { hits, misses }) => {
  const folder = rule === 'row-tables' ? 'shared' : 'tenant';
  it.each(hits)('finds %j', async (sql) => {
    expect(rulesOf(await lint(sql, folder))).toContain(rule);
  });

  it.each(misses)('finds nothing in %j', async (sql) => {
    expect(rulesOf(await lint(sql, folder))).not.toContain(rule);
  });
});

async function lint(sql: string, folder: string): Promise<Awaited<ReturnType<typeof lintFiles>>['findings']> {
  const text = sql.includes('-- Down Migration') && !sql.includes('-- Up Migration') ? `-- Up Migration\n${sql}` : sql;
  const { findings } = await lintFiles({ 'tenants.config.json': ALL_ON, [`migrations/${folder}/0002_new.sql`]: text });
  return findings.filter(({ migration }) => migration === '0002_new');
}
