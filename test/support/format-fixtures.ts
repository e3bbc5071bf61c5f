import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { TestDatabase } from './database.js';
import { createFleet, type TestFleet } from './fleet.js';
import { linkPackages } from './packages.js';

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'formats');

/** The directory of the tenant migrations in the projects that are made here. */
export const TENANT_DIRECTORY = 'migrations/other';

/** The files of a fixture, by their path below it. */
export async function readFixture(name: string): Promise<Record<string, string>> {
  const entries = await readdir(join(FIXTURES, name), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = files.map(async (path): Promise<[string, string]> => {
    return [path.slice(join(FIXTURES, name).length + 1), await readFile(path, 'utf8')];
  });
  return Object.fromEntries(await Promise.all(texts));
}

/** A project whose tenants have the migrations of a fixture, with the packages that those import. */
export async function createFormatFleet(
  database: TestDatabase,
  fixture: string,
  format: string,
  settings: Record<string, unknown> = {},
): Promise<TestFleet> {
  const files = Object.entries(await readFixture(fixture)).map(([path, text]) => [`${TENANT_DIRECTORY}/${path}`, text]);
  const fleet = await createFleet(database, {
    'tenants.config.json': JSON.stringify({ tenants: { migrations: TENANT_DIRECTORY, format }, ...settings }),
    ...(Object.fromEntries(files) as Record<string, string>),
  });
  await linkPackages(fleet.files.root, fixture === 'knex' || fixture === 'kysely' ? [fixture] : []);
  return fleet;
}
