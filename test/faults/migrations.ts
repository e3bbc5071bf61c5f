import type { SchemaState } from './state.js';

/** A migration whose traces can be seen in the catalog or in the data. */
export type Traced = {
  name: string;
  file: string;
  text: string;
  /** How much of what it makes is there. */
  found(schema: SchemaState): 'all' | 'part' | 'none';
  /** Runs outside a transaction: what it makes and its bookkeeping row can be seen apart. */
  outside?: true;
};

/** Rows that the data migration writes. */
const ROWS = 200;

const table =
  (name: string) =>
  ({ relations }: SchemaState) =>
    relations.has(name) ? 'all' : 'none';

const index =
  (name: string) =>
  ({ relations }: SchemaState) =>
    relations.has(name) ? (relations.get(name) === true ? 'all' : 'part') : 'none';

const sql = (up: string, down: string): string => `-- Up Migration\n${up}\n-- Down Migration\n${down}\n`;

const FIRST: Traced = {
  name: '0001_projects',
  file: '0001_projects.sql',
  text: sql('CREATE TABLE projects (id int, name text);', 'DROP TABLE projects;'),
  found: table('projects'),
};

const IN_ONE_TRANSACTION: Traced[] = [
  {
    name: '0002_quick',
    file: '0002_quick.sql',
    text: sql('CREATE TABLE quick (id int);', 'DROP TABLE quick;'),
    found: table('quick'),
  },
  {
    name: '0003_slow',
    file: '0003_slow.sql',
    text: sql('CREATE TABLE slow (id int);\nSELECT pg_sleep(0.02);', 'SELECT pg_sleep(0.01);\nDROP TABLE slow;'),
    found: table('slow'),
  },
  {
    name: '0004_data',
    file: '0004_data.sql',
    text: sql(
      `INSERT INTO projects SELECT n, 'project ' || n FROM generate_series(1, ${ROWS}) AS n;`,
      'DELETE FROM projects;',
    ),
    found: ({ projects }) => (projects === ROWS ? 'all' : projects === 0 ? 'none' : 'part'),
  },
];

const OTHERS: Traced[] = [
  {
    name: '0005_direct',
    file: '0005_direct.js',
    text: `export const up = async (pgm) => {
  const { rows } = await pgm.db.query('SELECT count(*)::int AS count, pg_sleep(0.01) FROM projects');
  pgm.sql('CREATE TABLE direct (seen int DEFAULT ' + rows[0].count + ')');
};
export const down = async (pgm) => {
  await pgm.db.query('SELECT pg_sleep(0.005)');
  pgm.sql('DROP TABLE direct');
};
`,
    found: table('direct'),
  },
  {
    name: '0006_index',
    file: '0006_index.sql',
    text: `-- tenants: no-transaction\n${sql('CREATE INDEX CONCURRENTLY projects_by_name ON projects (name);', 'DROP INDEX CONCURRENTLY projects_by_name;')}`,
    found: index('projects_by_name'),
    outside: true,
  },
  {
    name: '0007_between',
    file: '0007_between.js',
    text: `export const up = (pgm) => {
  pgm.noTransaction();
  pgm.createIndex('projects', 'id', { name: 'projects_by_id', concurrently: true });
};
export const down = (pgm) => {
  pgm.noTransaction();
  pgm.dropIndex('projects', 'id', { name: 'projects_by_id', concurrently: true });
};
`,
    found: index('projects_by_id'),
    outside: true,
  },
];

const LAST: Traced = {
  name: '0008_last',
  file: '0008_last.sql',
  text: sql(
    'ALTER TABLE quick ADD COLUMN note text;\nCREATE TABLE last (id int);',
    'DROP TABLE last;\nALTER TABLE quick DROP COLUMN note;',
  ),
  found: table('last'),
};

/** The migrations of one fleet. */
export type MigrationSet = {
  label: string;
  all: Traced[];
  /** Numbers of applied migrations with which a tenant may be left when each tenant is one transaction, as far as that goes. */
  stops: number[];
};

export const SETS = {
  /** One transaction, known beforehand: one round trip. */
  plain: { label: 'plain', all: [FIRST, ...IN_ONE_TRANSACTION, LAST], stops: [1, 5] },
  /** Everything that there is: two transactions with two steps outside of any in between. */
  mixed: { label: 'mixed', all: [FIRST, ...IN_ONE_TRANSACTION, ...OTHERS, LAST], stops: [1, 5, 6, 7, 8] },
} satisfies Record<string, MigrationSet>;
