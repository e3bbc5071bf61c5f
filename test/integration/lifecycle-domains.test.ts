import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createDomain } from '../../src/lifecycle/create-domain.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { deleteDomain } from '../../src/lifecycle/delete-domain.js';
import type { Project } from '../../src/project/project.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { openProxy } from '../support/proxy.js';

const database = useDatabase();
let fleet: TestFleet;
let project: Project;

beforeAll(async () => {
  fleet = await createFleet(database);
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.create('acme', 'globex');
  project = await fleet.project();
});
afterAll(() => fleet.remove());
beforeEach(() => database.query('DELETE FROM domains'));

async function domains(): Promise<string[]> {
  const { rows } = await database.query(
    `SELECT t.schema_name || ' ' || d.domain || CASE WHEN d.is_primary THEN ' *' ELSE '' END AS line
       FROM domains d JOIN tenants t ON t.id = d.tenant_id ORDER BY 1`,
  );
  return rows.map((row) => String(row['line']));
}

describe('createDomain', () => {
  it('makes the first domain primary and the next ones not', async () => {
    const first = await createDomain(project, { schema: 'acme', domain: 'acme.example' });
    expect(first).toMatchObject({
      tenant: { schema: 'acme', status: 'active' },
      domains: [{ domain: 'acme.example', primary: true }],
      migrations: [],
    });
    const second = await createDomain(project, { schema: 'acme', domain: 'www.acme.example' });
    expect(second.domains).toHaveLength(2);
    expect(await domains()).toEqual(['acme acme.example *', 'acme www.acme.example']);
  });

  it('is content with a domain that the tenant has, and switches the primary one on request', async () => {
    await createDomain(project, { schema: 'acme', domain: 'a.example' });
    await createDomain(project, { schema: 'acme', domain: 'b.example' });
    await createDomain(project, { schema: 'acme', domain: 'b.example' });
    expect(await domains()).toEqual(['acme a.example *', 'acme b.example']);
    const switched = await createDomain(project, { schema: 'acme', domain: 'b.example', primary: true });
    expect(switched.domains).toEqual([
      { domain: 'b.example', primary: true },
      { domain: 'a.example', primary: false },
    ]);
    await createDomain(project, { schema: 'acme', domain: 'c.example', primary: true });
    expect(await domains()).toEqual(['acme a.example', 'acme b.example', 'acme c.example *']);
  });

  it('refuses the domain of another tenant and names it', async () => {
    await createDomain(project, { schema: 'acme', domain: 'acme.example' });
    await expect(
      createDomain(project, { schema: 'globex', domain: 'acme.example', primary: true }),
    ).rejects.toMatchObject({
      code: 'DOMAIN_TAKEN',
      exitCode: 2,
      message: expect.stringContaining('"acme"'),
    });
    expect(await domains()).toEqual(['acme acme.example *']);
  });

  it('stores upper case, other scripts and a trailing dot in one spelling, and finds each of them again', async () => {
    const made = await createDomain(project, { schema: 'acme', domain: 'MÜNCHEN.Example.' });
    expect(made.domains).toEqual([{ domain: 'xn--mnchen-3ya.example', primary: true }]);
    await createDomain(project, { schema: 'acme', domain: 'münchen.example' });
    expect(await domains()).toEqual(['acme xn--mnchen-3ya.example *']);
    await expect(createDomain(project, { schema: 'globex', domain: 'München.example' })).rejects.toMatchObject({
      code: 'DOMAIN_TAKEN',
    });
    const { deleted } = await deleteDomain(project, { domain: 'München.EXAMPLE.' });
    expect(deleted.domain).toBe('xn--mnchen-3ya.example');
    expect(await domains()).toEqual([]);
  });

  it('refuses what is no domain and unknown tenants, with what is near', async () => {
    await expect(createDomain(project, { schema: 'acme', domain: 'https://Acme.example' })).rejects.toMatchObject({
      code: 'INVALID_DOMAIN',
      suggestions: expect.arrayContaining(['"acme.example" would be accepted.']),
    });
    await expect(createDomain(project, { schema: 'acne', domain: 'acme.example' })).rejects.toMatchObject({
      code: 'UNKNOWN_TENANT',
      exitCode: 2,
      message: expect.stringContaining('"acme"'),
    });
    expect(await domains()).toEqual([]);
  });

  it('serves the public tenant', async () => {
    await createTenant(project, { schema: 'public', ifNotExists: true });
    const made = await createDomain(project, { schema: 'public', domain: 'example.com' });
    expect(made).toMatchObject({ tenant: { schema: 'public' }, domains: [{ domain: 'example.com', primary: true }] });
  });

  it('is settled when two tenants want a domain at the same moment', async () => {
    const rivals = ['acme', 'globex', 'acme', 'globex'].map((schema) =>
      createDomain(project, { schema, domain: 'rival.example' }).catch((error: unknown) => error),
    );
    const outcomes = await Promise.all(rivals);
    const lost = outcomes.filter((outcome) => outcome instanceof Error);
    expect(lost).toHaveLength(2);
    for (const error of lost) expect(error).toMatchObject({ code: 'DOMAIN_TAKEN' });
    expect(await domains()).toHaveLength(1);
  });

  it('is settled when several domains of a tenant want to be the primary one at the same moment', async () => {
    const wishes = Array.from({ length: 8 }, (_, index) => `p${index}.example`);
    await Promise.all(wishes.map((domain) => createDomain(project, { schema: 'acme', domain, primary: true })));
    const found = await domains();
    expect(found).toHaveLength(8);
    expect(found.filter((line) => line.endsWith('*'))).toHaveLength(1);
  });

  it('does not wait for a migration of the tenant', async () => {
    const migrating = await database.client();
    await migrating.query('BEGIN; ALTER TABLE acme.projects ADD COLUMN later int');
    await createDomain({ ...project, lockTimeoutMs: 500 }, { schema: 'acme', domain: 'acme.example' });
    await migrating.query('ROLLBACK');
    expect(await domains()).toEqual(['acme acme.example *']);
  });

  it.each([
    ['before the COMMIT arrives', false, []],
    ['after it has arrived', true, ['acme cut.example *']],
  ])('knows what became of it when the connection breaks %s', async (_, deliver, expected) => {
    const proxy = await openProxy(database);
    try {
      proxy.cut({ when: ({ sql }) => sql === 'COMMIT', deliver });
      const outcome = await createDomain(
        { ...project, database: proxy.config },
        { schema: 'acme', domain: 'cut.example' },
      ).catch((error: unknown) => error);
      expect(outcome).toMatchObject(
        deliver ? { domains: [{ domain: 'cut.example' }] } : { code: 'DATABASE_UNREACHABLE', exitCode: 5 },
      );
      expect(await domains()).toEqual(expected);
    } finally {
      await proxy.close();
    }
  });
});

describe('deleteDomain', () => {
  it('takes the domain, in any spelling, and says when there is no primary one left', async () => {
    await createDomain(project, { schema: 'acme', domain: 'acme.example' });
    await createDomain(project, { schema: 'acme', domain: 'www.acme.example' });
    const deleted = await deleteDomain(project, { domain: ' ACME.example' });
    expect(deleted).toMatchObject({
      tenant: { schema: 'acme' },
      domains: [{ domain: 'www.acme.example', primary: false }],
      deleted: { domain: 'acme.example', primary: true },
    });
    expect(deleted.warnings.join()).toContain('tenants create-domain acme www.acme.example --primary');
    expect((await deleteDomain(project, { domain: 'www.acme.example' })).warnings).toEqual([]);
    expect(await domains()).toEqual([]);
  });

  it('refuses an unknown domain and names the nearest', async () => {
    await createDomain(project, { schema: 'acme', domain: 'acme.example' });
    await expect(deleteDomain(project, { domain: 'acne.example' })).rejects.toMatchObject({
      code: 'UNKNOWN_DOMAIN',
      exitCode: 2,
      message: expect.stringContaining('"acme.example"'),
    });
    expect(await domains()).toEqual(['acme acme.example *']);
  });

  it.each([
    ['before the COMMIT arrives', false],
    ['after it has arrived', true],
  ])('knows what became of it when the connection breaks %s', async (_, deliver) => {
    await createDomain(project, { schema: 'acme', domain: 'cut.example' });
    const proxy = await openProxy(database);
    try {
      proxy.cut({ when: ({ sql }) => sql === 'COMMIT', deliver });
      const outcome = await deleteDomain({ ...project, database: proxy.config }, { domain: 'cut.example' }).catch(
        (error: unknown) => error,
      );
      expect(outcome).toMatchObject(
        deliver ? { deleted: { domain: 'cut.example' } } : { code: 'DATABASE_UNREACHABLE' },
      );
      expect(await domains()).toEqual(deliver ? [] : ['acme cut.example *']);
    } finally {
      await proxy.close();
    }
  });

  it('waits for a COMMIT that is slow to say what became of it', async () => {
    await createDomain(project, { schema: 'acme', domain: 'cut.example' });
    await database.query(
      `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.7); RETURN NULL; END';
       CREATE CONSTRAINT TRIGGER slow AFTER DELETE ON domains DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION slow()`,
    );
    const proxy = await openProxy(database);
    try {
      proxy.cut({ when: ({ sql }) => sql === 'COMMIT', deliver: true });
      const outcome = await deleteDomain({ ...project, database: proxy.config }, { domain: 'cut.example' });
      expect(outcome).toMatchObject({ deleted: { domain: 'cut.example' } });
      expect(await domains()).toEqual([]);
    } finally {
      await proxy.close();
      await database.query('DROP TRIGGER slow ON domains; DROP FUNCTION slow');
    }
  });
});
