import { chmod } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { cloneTenant } from '../../src/lifecycle/clone-tenant.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

describe('without a pg_dump for the server', () => {
  const database = useDatabase();
  const path = process.env['PATH'];
  let fleet: TestFleet;

  beforeAll(async () => {
    fleet = await createFleet(database);
    await fleet.migrate({ selection: { kind: 'shared' } });
    await fleet.create('acme');
  });
  afterAll(async () => {
    process.env['PATH'] = path;
    await fleet.remove();
  });

  it.each<[string, string | undefined, RegExp]>([
    ['an old one', '#!/bin/sh\necho "pg_dump (PostgreSQL) 12.4 (Debian)"\n', /the one on the PATH is 12\.4/],
    ['none', undefined, /pg_dump is not on the PATH/],
  ])('%s is refused before anything is changed', async (name, program, message) => {
    const folder = join('bin', name);
    if (program !== undefined) await chmod(await fleet.files.write(join(folder, 'pg_dump'), program), 0o755);
    process.env['PATH'] = fleet.files.path(folder);
    await expect(cloneTenant(await fleet.project(), { source: 'acme', schema: 'copy' })).rejects.toMatchObject({
      code: 'PG_DUMP_UNAVAILABLE',
      exitCode: 2,
      message: expect.stringMatching(message),
    });
    const { rows } = await database.query(`SELECT 1 FROM pg_namespace WHERE nspname = 'copy'`);
    expect(rows).toEqual([]);
  });
});
