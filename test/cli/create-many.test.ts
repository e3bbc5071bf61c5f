import { beforeAll, describe, expect, it } from 'vitest';

import { useCliProject } from './cli-project.js';

const cli = useCliProject();
const { call: run } = cli;

beforeAll(async () => {
  await run(['migrate', '--shared']);
});

describe('create-tenant --from', () => {
  it('creates the tenants of a file, prints one document, and a second time finds them', async () => {
    await cli.project.write('list.csv', 'schema,domain,label\nacme,acme.test,"Acme, Ltd."\nglobex,,\n');
    const made = await run(['create-tenant', '--from', 'list.csv', '--concurrency', '1', '--json']);
    expect(made.code).toBe(0);
    expect(made.json()).toMatchObject({
      command: 'create-tenant',
      exitCode: 0,
      concurrency: 1,
      tenants: { total: 2, created: 2, exists: 0, failed: 0, notExecuted: 0 },
      results: [
        { line: 2, tenant: 'acme', status: 'created', domains: [{ domain: 'acme.test', primary: true }] },
        { line: 3, tenant: 'globex', status: 'created', domains: [] },
      ],
    });
    const again = await run(['create-tenant', '--from=list.csv']);
    expect(again).toMatchObject({ code: 0 });
    expect(again.stdout).toContain('Tenants: 2 there already (of 2)');
  });

  it('refuses a file with mistakes, one that cannot be read, and flags about one tenant', async () => {
    await cli.project.write('bad.csv', 'schema,domain\nAcme,\nok,http://a.test\n');
    const refused = await run(['create-tenant', '--from', 'bad.csv', '--json']);
    expect(refused.code).toBe(2);
    expect(refused.json<{ error: { problems: string[] } }>().error.problems).toHaveLength(2);
    for (const args of [
      ['--from', 'none.csv'],
      ['acme', '--from', 'list.csv'],
      ['--from', 'list.csv', '--adopt'],
    ]) {
      expect((await run(['create-tenant', ...args])).code, args.join(' ')).toBe(2);
    }
  });
});
