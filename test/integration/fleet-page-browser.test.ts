import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { formatFleetPage } from '../../src/fleet-page/format-fleet-page.js';
import { examplePage } from '../support/fleet-page.js';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);
const FLAGS =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
if (CHROMIUM === undefined) {
  console.warn('SKIPPED: the page about the fleet in a browser, because there is no Chromium.');
}

describe.skipIf(CHROMIUM === undefined)('the page about the fleet, in a browser', () => {
  let browser: Browser;
  let folder: string;
  /** What the console said, and what was asked of any network. */
  let said: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenants-page-'));
    browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: FLAGS.split(' ') });
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function openPage(
    size: number,
    options: Parameters<typeof examplePage>[1] & { width?: number } = {},
  ): Promise<Page> {
    const file = join(folder, `${size}-${JSON.stringify(options).length}.html`);
    await writeFile(file, formatFleetPage(examplePage(size, options)));
    const page = await browser.newPage({ viewport: { width: options.width ?? 1280, height: 900 } });
    said = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(error.message));
    page.on('request', (request) => request.url() === pathToFileURL(file).href || said.push(request.url()));
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector(`canvas[data-cells="${size}"]`);
    return page;
  }

  it('opens with 20,000 tenants in less than 3 seconds of work', async () => {
    const page = await openPage(20_000);
    // The time of the page itself: how fast the browser starts and how busy the machine is does not matter.
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    const { metrics } = await session.send('Performance.getMetrics');
    const spent = metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Infinity;
    expect(spent).toBeLessThan(3);
    await page.fill('#search', 'tenant_19999');
    expect(await page.textContent('.found')).toContain('Found 1 tenant.');
    expect(said).toEqual([]);
    await page.close();
  });

  it('finds a tenant by a part of its name, and says what is known about it', async () => {
    const page = await openPage(500);
    await page.fill('#search', '00052');
    await page.click('.found button');
    const details = (await page.textContent('.details')) ?? '';
    expect(details).toContain('tenant_00052');
    expect(details).toContain('pending');
    expect(details).toContain('0009_invoice_due_date · 55P03');
    expect(said).toEqual([]);
    await page.close();
  });

  it('is walked through with the mouse and with the keyboard', async () => {
    const page = await openPage(500);
    const canvas = page.locator('.map canvas');
    await canvas.click({ position: { x: 5, y: 30 } });
    expect(await page.textContent('.details h3')).toBe('tenant_00130');
    await canvas.press('ArrowRight');
    expect(await page.textContent('.details h3')).toBe('tenant_00131');
    await canvas.press('PageDown');
    expect(await page.textContent('.details h3')).toBe('tenant_00000');
    await page.selectOption('#group-by', 'outcome');
    expect(await page.textContent('.legend')).toContain('failed: 52');
    await page.click('summary:has-text("All tenants")');
    expect(await page.locator('#map tbody tr').count()).toBe(500);
    expect(said).toEqual([]);
    await page.close();
  });

  it('shows hostile names as they are and runs nothing of them', async () => {
    const page = await openPage(40, { hostile: true, width: 390 });
    expect(await page.title()).toMatch(/^Fleet of <b>shop,/);
    await page.fill('#search', '</script>');
    await page.click('.found button');
    expect(await page.textContent('.details h3')).toBe('</script><script>document.title="owned"</script>');
    expect(await page.locator('main b, main img').count()).toBe(0);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    expect(said).toEqual([]);
    await page.close();
  });

  it('is drawn in light colors on paper, also where the screen is dark', async () => {
    const page = await openPage(20);
    await page.emulateMedia({ colorScheme: 'dark' });
    // The red of the name of the first group.
    const darkest = `(() => {
      const canvas = document.querySelector('.map canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, 200, 22);
      let least = 255;
      for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200) least = Math.min(least, data[at]);
      return least;
    })()`;
    await expect.poll(() => page.evaluate(darkest)).toBeGreaterThan(150);
    await page.evaluate(`dispatchEvent(new Event('beforeprint'))`);
    expect(await page.evaluate(darkest)).toBeLessThan(100);
    await page.evaluate(`dispatchEvent(new Event('afterprint'))`);
    expect(await page.evaluate(darkest)).toBeGreaterThan(150);
    await page.close();
  });

  it('says so where the journal is missing', async () => {
    const page = await openPage(20, { runs: false });
    for (const id of ['failures', 'runs', 'last-run']) {
      expect(await page.textContent(`#${id}`)).toContain('there is no journal yet');
    }
    expect(said).toEqual([]);
    await page.close();
  });
});
