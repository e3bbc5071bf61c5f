import { delimiter } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { cloneTenant } from '../../src/lifecycle/clone-tenant.js';
import { asDatabase, type DebianPostgres, findPostgres, startPostgres } from '../support/debian-postgres.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { INNOCENT, MENTIONS, mentionTools, PATHS } from './mentions.js';

const bin = findPostgres();
if (bin === undefined) {
  console.warn('Cloning is not tested: there is no PostgreSQL with a pg_dump of its own version here.');
}

describe.skipIf(bin === undefined)('clone-tenant', () => {
  let server: DebianPostgres;
  let client: Client;
  let fleet: TestFleet;
  const { mentionOf, one, query, refusal, tenantWith } = mentionTools(() => fleet);
  const path = process.env['PATH'];

  beforeAll(async () => {
    server = await startPostgres(bin ?? '');
    process.env['PATH'] = `${server.bin}${delimiter}${path}`;
    client = new Client(server.config);
    await client.connect();
    fleet = await createFleet(asDatabase(server, client));
    await fleet.migrate({ selection: { kind: 'shared' } });
  });
  afterAll(async () => {
    process.env['PATH'] = path;
    await client.end();
    await server.stop();
    await fleet.remove();
  });

  it('puts the name of the copy into the search paths of functions, also of a copy of a copy', async () => {
    const name = await tenantWith(PATHS);
    const project = await fleet.project();
    for (const [source, schema] of [
      [name, `${name}_two`],
      [`${name}_two`, `${name}_three`],
    ] as const) {
      expect(await cloneTenant(project, { source, schema, noData: true })).toMatchObject({
        warnings: [],
        mentions: [],
      });
      await query(`INSERT INTO ${schema}.projects (name) VALUES ('of ${schema}')`);
      expect(await one(`SELECT ${schema}.by_path()`)).toBe(`of ${schema}`);
      expect(await one(`SELECT ${schema}.by_current()`)).toBe(`of ${schema}`);
    }
    expect(await one(`SELECT ${name}.by_path()`)).toBe(`of ${name}`);
  });

  const within = MENTIONS.filter(([what]) => what !== 'a function of the shared schema');
  it.each(within)('refuses %s that names the source, and copies it when that is allowed', async (_, sql, expected) => {
    const name = await tenantWith(sql);
    const project = await fleet.project();
    const mention = mentionOf(name, expected);
    const error = await refusal(cloneTenant(project, { source: name, schema: `${name}_copy` }));
    expect(error).toMatchObject({ code: 'SCHEMA_MENTIONED', exitCode: 2, details: { mentions: [mention] } });
    expect(await one(`SELECT count(*)::int FROM pg_namespace WHERE nspname = '${name}_copy'`)).toBe(0);
    const cloned = await cloneTenant(project, { source: name, schema: `${name}_copy`, allowMentions: true });
    expect(cloned.mentions).toEqual([mention]);
  });

  it('refuses a source that names the tenant from which it was copied', async () => {
    const name = await tenantWith(
      `CREATE FUNCTION $T.total() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM $T.projects'`,
    );
    const project = await fleet.project();
    await cloneTenant(project, { source: name, schema: `${name}_two`, allowMentions: true });
    const error = await refusal(cloneTenant(project, { source: `${name}_two`, schema: `${name}_three` }));
    expect(error.details.mentions).toEqual([
      { object: `function ${name}_two.total()`, place: 'body', schema: name, line: 1 },
    ]);
  });

  it('takes what follows by itself for no mention', async () => {
    const name = await tenantWith(INNOCENT);
    expect(await cloneTenant(await fleet.project(), { source: name, schema: `${name}_copy` })).toMatchObject({
      mentions: [],
    });
    expect(await one(`SELECT ${name}_copy.standard()::int`)).toBe(1);
  });

  it("gives the row the source's own columns, except for those that must be unique or that the server fills", async () => {
    const name = await tenantWith('');
    await query(`ALTER TABLE public.tenants ADD COLUMN plan text, ADD COLUMN seats int, ADD COLUMN region text NOT NULL DEFAULT 'eu',
      ADD COLUMN tags text[], ADD COLUMN settings jsonb, ADD COLUMN paid_until timestamptz DEFAULT now(), ADD COLUMN customer text UNIQUE,
      ADD COLUMN secret uuid, ADD COLUMN slug text GENERATED ALWAYS AS (lower(schema_name)) STORED,
      ADD COLUMN number int GENERATED ALWAYS AS IDENTITY, ADD COLUMN "Odd ""name" text;
      CREATE UNIQUE INDEX one_secret ON public.tenants (secret, schema_name);
      UPDATE public.tenants SET plan = 'gold', seats = 3, region = 'us', tags = '{a,"b,c"}', settings = '{"a": [1, null]}',
        paid_until = NULL, customer = 'cus_1', secret = '00000000-0000-0000-0000-000000000001', "Odd ""name" = 'x', name = 'The source'
       WHERE schema_name = '${name}'`);
    await cloneTenant(await fleet.project(), {
      source: name,
      schema: `${name}_copy`,
      set: { seats: '7' },
      noData: true,
    });
    const { rows } = await query(
      `SELECT name, plan, seats, region, tags, settings, paid_until, customer, secret, slug, "Odd ""name" AS odd
         FROM public.tenants WHERE schema_name = '${name}_copy'`,
    );
    expect(rows).toEqual([
      {
        name: null,
        plan: 'gold',
        seats: 7,
        region: 'us',
        tags: ['a', 'b,c'],
        settings: { a: [1, null] },
        paid_until: null,
        customer: null,
        secret: null,
        slug: `${name}_copy`,
        odd: 'x',
      },
    ]);
  });
});
