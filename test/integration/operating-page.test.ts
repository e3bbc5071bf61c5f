import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { REPOSITORY } from '../support/build.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { callCli } from '../support/run-cli.js';

const INVOICES =
  '-- Up Migration\nCREATE TABLE invoices (id bigint, amount int);\n-- Down Migration\nDROP TABLE invoices;\n';

/** A command of the page, the lines that it must print, in this order, and its exit code. */
type Step = { command: string[]; lines: string[]; code: number };

const database = useDatabase({ name: 'operating' });
let fleet: TestFleet;
let page: string;

beforeAll(async () => {
  page = await readFile(join(REPOSITORY, 'docs', 'operating.md'), 'utf8');
  fleet = await createFleet(database, {
    // In the order of their names.
    'tenants.config.json': '{ "concurrency": 1 }',
    'migrations/tenant/0001_projects.sql': INVOICES,
    // The page has a name of its own for it.
    'migrations/tenant/0001_invoices.sql': INVOICES,
  });
  const { rm } = await import('node:fs/promises');
  await rm(fleet.files.path('migrations', 'tenant', '0001_projects.sql'));
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.create('acme', 'globex', 'initech', 'stark', 'umbrella');
  for (const name of ['globex', 'umbrella']) await database.query(`INSERT INTO ${name}.invoices VALUES (1, -5)`);
  const sql = /```sql\n-- migrations\/tenant\/(\S+)\n(.*?)```/s.exec(page);
  await fleet.tenantMigration(sql?.[1] ?? '', sql?.[2] ?? '');
});
afterAll(() => fleet.remove());

/** The steps of a page: `$ tenants …`, what it prints, and `# exit code N` where that is not 0. */
function stepsOf(text: string): Step[] {
  const steps: Step[] = [];
  for (const [, block = ''] of text.matchAll(/^```console\n(.*?)^```$/gms)) {
    for (const line of block.split('\n').filter((one) => one !== '')) {
      const current = steps.at(-1);
      if (line.startsWith('$ tenants ')) steps.push({ command: words(line.slice(10)), lines: [], code: 0 });
      else if (current === undefined) throw new Error(`Before the first command: ${line}`);
      else if (line.startsWith('# exit code ')) current.code = Number(line.slice(12));
      else current.lines.push(line);
    }
  }
  return steps;
}

function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

/** What differs from one reading to the next: times, durations, who and where, and how columns are aligned. */
function settled(line: string): string {
  return line
    .replaceAll(/today \d\d:\d\d|yesterday \d\d:\d\d|\d{4}-\d\d-\d\d \d\d:\d\d/g, 'WHEN')
    .replaceAll(/\d+(?:\.\d)? (?:ms|s)\b/g, 'TOOK')
    .replaceAll(/[\w.-]+@[\w.-]+/g, 'WHO')
    .replaceAll(/ {2,}/g, ' ')
    .trim();
}

it('everything that the page shows is what the commands print', async () => {
  const steps = stepsOf(page);
  expect(steps.length).toBeGreaterThanOrEqual(11);
  for (const { command, lines, code } of steps) {
    const edited = INVOICES.replace('amount int', 'amount bigint');
    if (command[0] === 'checksums') await fleet.tenantMigration('0001_invoices.sql', edited);
    const said = await callCli(command, { cwd: fleet.files.root, env: { DATABASE_URL: database.url } });
    const printed = `${said.stdout}\n${said.stderr}`.split('\n').map((line) => settled(line));
    const from = lines.map((line) => printed.findIndex((one) => one.replace(/^Error: /, '') === settled(line)));
    const missing = lines.filter((_line, index) => from[index] === -1);
    expect(missing, `tenants ${command.join(' ')}\n${said.stdout}${said.stderr}`).toEqual([]);
    expect(from, command.join(' ')).toEqual(from.toSorted((a, b) => a - b));
    expect(said.code, command.join(' ')).toBe(code);
  }
});
