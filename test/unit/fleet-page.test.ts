import { Script } from 'node:vm';

import { describe, expect, it } from 'vitest';

import { formatFleetPage, jsonForHtml } from '../../src/fleet-page/format-fleet-page.js';
import type { FleetPage } from '../../src/fleet-page/types.js';
import { examplePage, HOSTILE } from '../support/fleet-page.js';

function dataOf(html: string): FleetPage {
  const json = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)?.[1] ?? '';
  return JSON.parse(json) as FleetPage;
}

describe('fleetPageOf', () => {
  const page = examplePage(500);

  it('numbers the tenants cohort by cohort, the largest cohort first', () => {
    expect(page.cohorts.map(({ first, count }) => [first, count])).toEqual(
      page.cohorts.reduce<[number, number][]>(
        (all, { count }) => [...all, [(all.at(-1)?.[0] ?? 0) + (all.at(-1)?.[1] ?? 0), count]],
        [],
      ),
    );
    expect(page.cohorts.map(({ count }) => count)).toEqual([370, 50, 40, 20, 10, 5, 3, 2]);
    expect(page.tenants).toHaveLength(500);
  });

  it('says which migrations a cohort has, those without a file after the others', () => {
    const [type] = page.types;
    expect(type?.files).toBe(12);
    expect(type?.migrations.at(-1)).toBe('0011_hotfix');
    const of = (state: string) => page.cohorts.find((cohort) => cohort.state === state);
    expect(of('ahead')).toMatchObject({ upTo: 10, others: [12] });
    expect(of('outOfOrder')).toMatchObject({ upTo: 0, others: [1] });
    expect(of('missing')).toMatchObject({ upTo: 0, others: [] });
  });

  it('groups failures as the summary of a run does, and says why others were left out', () => {
    const failures = page.lastRun?.failures ?? [];
    expect(failures.map(({ migration, code, tenants }) => [migration, code, tenants.length])).toEqual([
      ['0009_invoice_due_date', '55P03', 34],
      ['0010_amounts_are_positive', '23514', 18],
    ]);
    expect(page.lastRun?.leftOut).toMatchObject([{ reason: 'the limit of --max-failures was reached' }]);
  });

  it('says that there is no journal', () => {
    expect(examplePage(3, { runs: false })).toMatchObject({ journal: { state: 'absent' }, runs: [], lastRun: null });
  });
});

describe('formatFleetPage', () => {
  it('keeps hostile names in its data and lets none of them become markup', () => {
    const page = examplePage(40, { hostile: true });
    const html = formatFleetPage(page);
    expect(dataOf(html)).toEqual(page);
    for (const name of HOSTILE) {
      expect(page.tenants).toContain(name);
      if (name.includes('<')) expect(html).not.toContain(name);
    }
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html.match(/<\/script/g)).toHaveLength(2);
  });

  it('has a policy that allows its own script and style by their hashes and nothing else', async () => {
    const html = formatFleetPage(examplePage(1));
    const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(html)?.[1] ?? '';
    expect(policy).toMatch(/^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; /);
    expect(policy).not.toContain('unsafe');
    expect(html).not.toMatch(/(?:src|href)="(?!#|data:,)/);
    const { createHash } = await import('node:crypto');
    for (const [kind, text] of [
      ['script', html.slice(html.lastIndexOf('<script>') + 8, html.lastIndexOf('</script>'))],
      ['style', html.slice(html.indexOf('<style>') + 7, html.indexOf('</style>'))],
    ] as const) {
      expect(policy).toContain(`${kind}-src 'sha256-${createHash('sha256').update(text).digest('base64')}'`);
    }
  });

  it('has one script that parses, without import and export', () => {
    const html = formatFleetPage(examplePage(1));
    const script = html.slice(html.lastIndexOf('<script>') + 8, html.lastIndexOf('</script>'));
    expect(() => new Script(script)).not.toThrow();
    expect(script).not.toMatch(/^(?:import|export)\b/m);
    expect(script).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|fetch\(|XMLHttpRequest/,
    );
  });

  it('is below 5 MB for 20,000 tenants with names as long as can be', () => {
    const page = examplePage(20_000);
    const long = page.tenants.map((name) => name.padEnd(63, 'x'));
    expect(Buffer.byteLength(formatFleetPage({ ...page, tenants: long }))).toBeLessThan(5_000_000);
  });
});

it('jsonForHtml escapes what could end an element', () => {
  expect(jsonForHtml({ a: '</script><!--' })).toBe(String.raw`{"a":"\u003c/script>\u003c!--"}`);
});
