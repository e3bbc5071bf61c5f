import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Tenancy } from '../../src/runtime/index.js';
import { useDatabase } from '../support/database.js';
import { AWKWARD, createCommonSite, projectNames, resetProjects, type Site, until } from './fixture.js';

const database = useDatabase({ name: 'scopes' });
let site: Site;
let pool: Pool;
let tenancy: Tenancy;

beforeAll(async () => {
  ({ site, pool, tenancy } = await createCommonSite(database));
});

beforeEach(() => resetProjects(database));

afterAll(() => site.close());

describe('withTenant within withTenant', () => {
  it('of the same tenant is a part of the transaction that can fail alone', async () => {
    await tenancy.withTenant('acme', async (outer) => {
      await outer.query(`INSERT INTO projects (name) VALUES ('outer')`);
      await tenancy.withTenant('acme', (client) => client.query(`INSERT INTO projects (name) VALUES ('inner')`));
      await expect(
        tenancy.withTenant('acme', async (client) => {
          await client.query(`INSERT INTO projects (name) VALUES ('lost')`);
          await client.query('SELECT 1/0');
        }),
      ).rejects.toMatchObject({ code: '22012' });
      expect(await projectNames(outer)).toEqual(['acme', 'outer', 'inner']);
    });
    expect(await tenancy.withTenant('acme', projectNames)).toEqual(['acme', 'outer', 'inner']);
  });

  it('of the same tenant is undone with the outer one', async () => {
    const work = tenancy.withTenant('acme', async () => {
      await tenancy.withTenant('acme', (client) => client.query(`INSERT INTO projects (name) VALUES ('inner')`));
      throw new Error('outer');
    });
    await expect(work).rejects.toThrow('outer');
    expect(await tenancy.withTenant('acme', projectNames)).toEqual(['acme']);
  });

  it('of the same tenant runs one after the other, so that one failure does not undo its neighbour', async () => {
    await tenancy.withTenant('acme', async () => {
      const works = [1, 2, 3, 4].map((number) =>
        tenancy.withTenant('acme', async (client) => {
          await client.query('INSERT INTO projects (name) VALUES ($1)', [`n${number}`]);
          await sleep(5);
          if (number % 2 === 0) throw new Error('even');
        }),
      );
      const results = await Promise.allSettled(works);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    });
    expect(await tenancy.withTenant('acme', projectNames)).toEqual(['acme', 'n1', 'n3']);
  });

  it('of another tenant has a transaction of its own', async () => {
    const work = tenancy.withTenant('acme', async (outer) => {
      await tenancy.withTenant('globex', async (client) => {
        await client.query(`INSERT INTO projects (name) VALUES ('stays')`);
        expect(tenancy.currentTenant()?.schemaName).toBe('globex');
        expect(await tenancy.withTenant('acme', projectNames)).toEqual(['acme']);
        expect(await projectNames(outer)).toEqual(['acme']);
      });
      expect(tenancy.currentTenant()?.schemaName).toBe('acme');
      await outer.query(`INSERT INTO projects (name) VALUES ('goes')`);
      throw new Error('outer');
    });
    await expect(work).rejects.toThrow('outer');
    expect(await tenancy.withTenant('globex', projectNames)).toEqual(['globex', 'stays']);
    expect(await tenancy.withTenant('acme', projectNames)).toEqual(['acme']);
  });

  it('does not join a transaction that is over', async () => {
    let late: Promise<unknown> = Promise.resolve();
    await tenancy.withTenant('acme', () => {
      late = sleep(50).then(() => tenancy.withTenant('acme', projectNames));
    });
    expect(await late).toEqual(['acme']);
  });

  it('refuses options that only the outer one can have', async () => {
    const work = tenancy.withTenant('acme', () =>
      tenancy.withTenant('acme', projectNames, { isolation: 'serializable' }),
    );
    await expect(work).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('currentTenant', () => {
  const current = (): string | undefined => tenancy.currentTenant()?.schemaName;

  it('survives awaits, timers, microtasks and event emitters, and is absent outside', async () => {
    expect(current()).toBeUndefined();
    await tenancy.withTenant('acme', async () => {
      const emitter = new EventEmitter();
      const seen: (string | undefined)[] = [];
      emitter.on('event', () => seen.push(current()));
      await sleep(1);
      seen.push(current());
      await new Promise<void>((resolve) => setImmediate(() => queueMicrotask(resolve)));
      seen.push(current());
      process.nextTick(() => emitter.emit('event'));
      await once(emitter, 'event');
      setTimeout(() => emitter.emit('event'), 1);
      await once(emitter, 'event');
      seen.push(current());
      expect(seen).toEqual(['acme', 'acme', 'acme', 'acme', 'acme']);
      expect(tenancy.logFields()).toEqual({ tenant: 'acme' });
    });
    expect(current()).toBeUndefined();
    expect(tenancy.logFields()).toEqual({});
  });

  it('answers without a connection inside runAs, and for nobody where that is said', async () => {
    const tenant = await tenancy.find('globex');
    await tenancy.runAs(tenant, async () => {
      await sleep(1);
      expect(current()).toBe('globex');
      expect(tenancy.runAs(null, current)).toBeUndefined();
      await tenancy.withTenant('acme', () => expect(current()).toBe('acme'));
      expect(current()).toBe('globex');
    });
    expect(pool.idleCount).toBe(pool.totalCount);
  });
});

describe('eachTenant', () => {
  it('visits every tenant but the public one and those between states, in order', async () => {
    await site.add('half');
    await database.query(`UPDATE tenants SET status = 'provisioning' WHERE schema_name = 'half'`);
    await database.query(`DELETE FROM tenants WHERE schema_name = 'gone'`);
    let most = 0;
    let running = 0;
    const visits = await tenancy.eachTenant(
      async (client, { schemaName }) => {
        running += 1;
        most = Math.max(most, running);
        await until(() => most === 2);
        const names = await projectNames(client);
        running -= 1;
        return `${schemaName}: ${String(names[0])}`;
      },
      { concurrency: 2 },
    );
    expect(visits.map(({ value }) => value)).toEqual([`${AWKWARD}: awkward`, 'acme: acme', 'globex: globex']);
    expect(most).toBe(2);
  });

  it('goes on after failures and reports all of them', async () => {
    const visited: string[] = [];
    const work = tenancy.eachTenant((_, { schemaName }) => {
      visited.push(schemaName);
      if (schemaName !== 'acme') throw new Error(`no ${schemaName}`);
    });
    await expect(work).rejects.toMatchObject({
      code: 'TENANTS_FAILED',
      message: 'The work failed for 2 tenants of 3.',
      details: { problems: [`${AWKWARD}: no ${AWKWARD}`, 'globex: no globex'] },
    });
    expect(visited).toHaveLength(3);
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const visited: string[] = [];
    const work = tenancy.eachTenant(
      (_, { schemaName }) => {
        visited.push(schemaName);
        stop.abort(new Error('stop'));
      },
      { signal: stop.signal },
    );
    await expect(work).rejects.toThrow('stop');
    expect(visited).toHaveLength(1);
  });
});
