import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { createTestDatabase } from '../support/database.js';
import { createFleet, createMissing, prepareFleet, type TestFleet } from '../support/fleet.js';

/** The path of an executor that only tests use. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/executors/${name}`, import.meta.url));
}

/** A fleet of its own with these tenants, up to date; it is gone afterwards. */
export async function withFleet(tenants: readonly string[], use: (fleet: TestFleet) => Promise<void>): Promise<void> {
  const template = await prepareFleet(JSON.stringify(tenants), {
    tenants: [],
    prepare: (fleet) => createMissing(fleet, tenants),
  });
  const database = await createTestDatabase({ template });
  const fleet = await createFleet(database);
  try {
    await use(fleet);
  } finally {
    await fleet.remove();
    await database.drop();
  }
}

/** Names t01, t02, … */
export function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `t${String(index + 1).padStart(2, '0')}`);
}

/** A migration that makes a table and runs JavaScript for one tenant, whose schema is known from the database alone. */
export function actsIn(tenant: string, script: string): string {
  return `export const up = async (pgm) => {
  const { rows } = await pgm.db.query('SELECT current_schema()::text AS schema');
  pgm.sql('CREATE TABLE made (id int)');
  if (rows[0].schema === '${tenant}') { ${script} }
};
export const down = false;`;
}

/** Process ids of the worker processes of a process, as Linux lists them. */
export async function workersOf(parent: number): Promise<number[]> {
  const children = await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8').catch(() => '');
  const found: number[] = [];
  for (const pid of children.split(' ').filter((text) => text !== '')) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.includes('process-entry')) found.push(Number(pid));
  }
  return found;
}

/** Resolves when a condition holds; fails after `ms`. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, ms: number): Promise<void> {
  const started = performance.now();
  while (!(await holds())) {
    if (performance.now() - started > ms) throw new Error(`After ${ms} ms: not ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Whether a process exists and has not ended; a zombie has. */
export async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat !== undefined && !/\) [ZX] /.test(stat);
}
