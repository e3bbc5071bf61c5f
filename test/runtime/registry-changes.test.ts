import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { REPOSITORY } from '../support/build.js';
import { useDatabase } from '../support/database.js';
import { openProxy } from '../support/proxy.js';
import { counted, createSite, type Site, until } from './fixture.js';

const database = useDatabase({ name: 'changes' });
let site: Site;

beforeAll(async () => {
  site = await createSite(database);
  await site.add('public', 'example.com');
  await site.add('acme', 'acme.example.com', 'xn--mnchen-3ya.example');
  await site.add('globex', 'www.globex.example');
});

afterAll(() => site.close());

describe('changes of the registry', () => {
  it('are heard at once: a new domain, a moved one, a status, a deleted tenant', async () => {
    await site.add('initech');
    const tenancy = site.tenancy();
    const other = site.tenancy();
    for (const each of [tenancy, other]) {
      expect(await each.resolve('initech.example.com')).toBeNull();
      await until(() => each.listening);
      expect(await each.resolve('initech.example.com')).toBeNull();
      expect(await each.resolve('www.initech.example.com')).toBeNull();
    }
    const both = async (host: string, schemaName: string | null): Promise<void> => {
      for (const each of [tenancy, other]) {
        await until(async () => ((await each.resolve(host))?.schemaName ?? null) === schemaName, 2000);
      }
    };
    const idOf = (name: string): string => `(SELECT id FROM tenants WHERE schema_name = '${name}')`;
    await database.query(`INSERT INTO domains (domain, tenant_id) VALUES ('initech.example.com', ${idOf('initech')})`);
    await both('initech.example.com', 'initech');
    await both('www.initech.example.com', 'initech');
    await database.query(`UPDATE domains SET tenant_id = ${idOf('acme')} WHERE domain = 'initech.example.com'`);
    await both('initech.example.com', 'acme');
    await both('www.initech.example.com', 'acme');
    await database.query(`UPDATE domains SET tenant_id = ${idOf('initech')} WHERE domain = 'initech.example.com'`);
    await both('initech.example.com', 'initech');
    await database.query(`UPDATE tenants SET status = 'deleting' WHERE schema_name = 'initech'`);
    await both('initech.example.com', null);
    await database.query(`UPDATE tenants SET status = 'active' WHERE schema_name = 'initech'`);
    await both('initech.example.com', 'initech');
    await database.query(`UPDATE domains SET domain = 'initech.test' WHERE domain = 'initech.example.com'`);
    await both('initech.example.com', null);
    await both('initech.test', 'initech');
    await database.query(`DELETE FROM tenants WHERE schema_name = 'initech'`);
    await both('initech.test', null);
    expect(await tenancy.find('initech')).toBeNull();
  });

  it('do not let an answer be kept that was read before them', async () => {
    await site.add('umbrella', 'umbrella.example.com');
    const pool = site.pool();
    const tenancy = site.tenancy({ pool });
    await tenancy.resolve('warm.example.com');
    await until(() => tenancy.listening);
    const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<unknown>;
    let hold: Promise<void> | undefined;
    let letGo = (): void => {};
    pool.query = (async (...args: unknown[]) => {
      const answer = await query(...args);
      await hold;
      return answer;
    }) as Pool['query'];
    hold = new Promise((resolve) => (letGo = resolve));
    const early = tenancy.resolve('umbrella.example.com');
    await new Promise((resolve) => setTimeout(resolve, 50));
    await database.query(`DELETE FROM tenants WHERE schema_name = 'umbrella'`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    hold = undefined;
    const late = await tenancy.resolve('umbrella.example.com');
    letGo();
    expect(late).toBeNull();
    expect(await early).not.toBeNull();
    expect(await tenancy.resolve('umbrella.example.com')).toBeNull();
  });

  it('that were missed while the connection was broken are not served any longer once it is back', async () => {
    await site.add('hooli', 'hooli.example.com');
    const proxy = await openProxy(database);
    const warnings: string[] = [];
    const tenancy = site.tenancy({
      listen: proxy.config,
      cache: { ttl: 60_000 },
      logger: { warn: (_, message) => warnings.push(message) },
    });
    await tenancy.resolve('hooli.example.com');
    await until(() => tenancy.listening);
    expect(await tenancy.resolve('hooli.example.com')).not.toBeNull();
    proxy.cutAll();
    await until(() => !tenancy.listening);
    await database.query(`DELETE FROM tenants WHERE schema_name = 'hooli'`);
    await until(() => tenancy.listening);
    expect(await tenancy.resolve('hooli.example.com')).toBeNull();
    expect(warnings).not.toEqual([]);
    await proxy.close();
  });

  it('that cannot be heard are noticed when the time to live is over, measured from the question', async () => {
    await site.add('pied', 'pied.example.com');
    const proxy = await openProxy(database);
    const tenancy = site.tenancy({ listen: proxy.config, cache: { ttl: 400 } });
    await tenancy.resolve('pied.example.com');
    await until(() => tenancy.listening);
    await proxy.close();
    await until(() => !tenancy.listening);
    await tenancy.resolve('pied.example.com');
    await database.query(`DELETE FROM tenants WHERE schema_name = 'pied'`);
    const deletedAt = performance.now();
    while (performance.now() - deletedAt < 600) {
      const age = performance.now() - deletedAt;
      if ((await tenancy.resolve('pied.example.com')) !== null) expect(age).toBeLessThan(400);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await tenancy.resolve('pied.example.com')).toBeNull();
  });

  it('lead to an empty cache when a message is not understood', async () => {
    const { pool, count } = counted(site.pool());
    const tenancy = site.tenancy({ pool });
    await tenancy.resolve('acme.example.com');
    await until(() => tenancy.listening);
    await tenancy.resolve('acme.example.com');
    const before = count();
    await database.query(`SELECT pg_notify('tenants_changed', 'nonsense')`);
    await until(async () => {
      await tenancy.resolve('acme.example.com');
      return count() > before;
    }, 2000);
  });

  it('are no longer heard after close, and resolving goes on', async () => {
    const listeners = async (): Promise<number> => {
      const { rows } = await database.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'tenants: listen'`,
      );
      return rows[0]?.n ?? 0;
    };
    const before = await listeners();
    const tenancy = site.tenancy();
    await tenancy.resolve('acme.example.com');
    await until(() => tenancy.listening);
    expect(await listeners()).toBe(before + 1);
    await tenancy.close();
    expect(tenancy.listening).toBe(false);
    await until(async () => (await listeners()) === before);
    expect(await tenancy.resolve('acme.example.com')).not.toBeNull();
  });

  it.each(['', 'await tenancy.close();'])('do not keep a process alive, nor end it early (%s)', async (last) => {
    const entry = pathToFileURL(join(REPOSITORY, 'dist', 'runtime', 'index.js')).href;
    const program = `
      import pg from 'pg';
      import { createTenancy } from ${JSON.stringify(entry)};
      const pool = new pg.Pool({ connectionString: process.env.TEST_URL });
      const tenancy = createTenancy({ pool });
      await tenancy.resolve('acme.example.com');
      while (!tenancy.listening) await new Promise((resolve) => setTimeout(resolve, 10));
      await pool.end();
      ${last}
      console.log('done');`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      cwd: REPOSITORY,
      env: { ...process.env, TEST_URL: database.url },
      timeout: 10_000,
    });
    expect(stdout).toBe('done\n');
  });
});
