import { TenantsError } from '../../errors/tenants-error.js';
import type { Direction, MigrationFile } from '../types.js';

/** A migration that has finished building, as it is when node-pg-migrate takes over again. */
export type Unit = { file: MigrationFile; steps: string[]; transaction: boolean };

/** What node-pg-migrate itself sends, and in which order: anything else is an error. */
export type ScriptedDatabase = {
  /** Takes the place of a database connection. */
  query(text: unknown): Promise<{ rows: Record<string, unknown>[] }>;
  /** The next statements will be those of this migration. */
  expect(unit: Unit): void;
  /** Throws unless everything came to its end, up to the COMMIT. */
  assertComplete(): void;
};

export type ScriptOptions = {
  /** The schema that node-pg-migrate believes its migrations table to be in. */
  standIn: string;
  direction: Direction;
  /** What it is told to be applied, oldest first. */
  applied: string[];
  /** Called for each statement of a migration; the next comes when it has settled. */
  onStep?(sql: string, file: MigrationFile): Promise<void>;
};

/**
 * Plays the database to node-pg-migrate's runner, by position.
 *
 * With `singleTransaction` the runner sends, in this order: is there a migrations table, has it a primary key, which
 * names are applied, BEGIN, then for each migration its steps and its bookkeeping statement (between `COMMIT;` and `BEGIN;`
 * if it wants no transaction), and COMMIT. Only steps leave this place.
 */
export function createScriptedDatabase(options: ScriptOptions): ScriptedDatabase {
  const { standIn, direction, applied, onStep } = options;
  const opening: Expected[] = [
    question(standIn, [{ table_name: 'there is one' }]),
    question(standIn, [{ constraint_name: 'there is one' }]),
    question(
      standIn,
      applied.map((name) => ({ name })),
    ),
    exactly('BEGIN'),
  ];
  const queue = [...opening];
  let state: 'running' | 'committed' | 'rolledBack' | 'broken' = 'running';

  return {
    async query(text) {
      if (text === 'ROLLBACK') return ended('rolledBack');
      const next = queue.shift() ?? exactly('COMMIT');
      if (typeof text !== 'string' || state !== 'running' || !next.fits(text)) {
        state = 'broken';
        throw unexpected(text, next.file);
      }
      if (next.step && next.file !== undefined) await onStep?.(text, next.file);
      return next.text === 'COMMIT' ? ended('committed') : { rows: next.rows ?? [] };
    },
    expect({ file, steps, transaction }) {
      if (!transaction) queue.push(exactly('COMMIT;', file));
      for (const sql of steps) queue.push({ ...exactly(sql, file), step: true });
      queue.push(bookkeeping(direction, standIn, file));
      if (!transaction) queue.push(exactly('BEGIN;', file));
    },
    assertComplete() {
      if (state !== 'committed' || queue.length > 0) throw unexpected('an early end', queue[0]?.file);
    },
  };

  function ended(how: 'committed' | 'rolledBack'): { rows: [] } {
    if (state === 'running') state = how;
    return { rows: [] };
  }
}

type Expected = {
  fits(text: string): boolean;
  text?: string;
  step?: true;
  file?: MigrationFile | undefined;
  rows?: Record<string, unknown>[];
};

function exactly(text: string, file?: MigrationFile): Expected {
  return { text, file, fits: (sent) => sent === text };
}

function question(standIn: string, rows: Record<string, unknown>[]): Expected {
  return { rows, fits: (text) => text.startsWith('SELECT ') && text.includes(standIn) };
}

function bookkeeping(direction: Direction, standIn: string, file: MigrationFile): Expected {
  const beginning = `${direction === 'up' ? 'INSERT INTO' : 'DELETE FROM'} "${standIn}".`;
  return { file, fits: (text) => text.startsWith(beginning) && text.includes(`'${file.name}'`) };
}

function unexpected(text: unknown, file: MigrationFile | undefined): TenantsError {
  const shown = typeof text === 'string' ? text.slice(0, 200) : 'a query that is not a string';
  if (file === undefined) {
    return new TenantsError('UNEXPECTED', `node-pg-migrate did something unknown to this version: ${shown}`);
  }
  return new TenantsError(
    'MIGRATION_REFUSED',
    `Migration ${file.name} cannot be followed: after it had finished, node-pg-migrate met other SQL than it had built.`,
    {
      migration: file.name,
      file: file.path,
      statement: shown,
      suggestions: ['Await everything the migration starts, and use one function for up and another for down.'],
    },
  );
}
