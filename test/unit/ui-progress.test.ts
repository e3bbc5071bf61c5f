import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { FleetEvent } from '../../src/fleet/types.js';
import { createProgress } from '../../src/ui/progress/progress.js';
import { displayWidth } from '../../src/ui/text/display-width.js';

type Done = Extract<FleetEvent, { type: 'tenant:done' }>;

const start = (tenant: string): FleetEvent => ({ type: 'tenant:start', tenant });
const applied = (tenant: string): Done => ({
  type: 'tenant:done',
  result: { tenant, status: 'applied', migrations: ['0042'], durationMs: 5 },
});
const failed = (tenant: string): Done => ({
  type: 'tenant:done',
  result: {
    tenant,
    status: 'failed',
    committed: [],
    migration: '0042',
    error: { name: 'error', code: 'DATABASE_ERROR', sqlstate: '23505', message: 'doubled\u001B[2J password=s3cret' },
  },
});

function fakeStream(columns = 80) {
  const writes: string[] = [];
  return {
    writes,
    columns,
    rows: 24,
    isTTY: true,
    write: (text: string) => writes.push(text),
    text: () => writes.join(''),
  };
}

/** What a terminal would show: knows the escapes that frames use and fails on others. */
function screenOf(text: string): { lines: string[]; cursor: boolean } {
  const lines = [''];
  let row = 0;
  let cursor = true;
  // oxlint-disable-next-line no-control-regex
  for (const [token] of text.matchAll(/\u001B\[[?0-9;]*[A-Za-z]|\n|[^\u001B\n]+/g)) {
    if (token === '\n') lines[++row] ??= '';
    else if (token === '\u001B[2K') lines[row] = '';
    else if (token === '\u001B[1A') row--;
    else if (token === '\u001B[?25l') cursor = false;
    else if (token === '\u001B[?25h') cursor = true;
    else if (token.startsWith('\u001B')) expect(token).toMatch(/(?:\[G|m)$/);
    else lines[row] += token;
  }
  return { lines: lines.filter((line) => line !== ''), cursor };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** Lets the renderer's promises and imports come through; time itself stands still. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function untilDrawn(stream: ReturnType<typeof fakeStream>): Promise<void> {
  // The renderer is loaded with the first use, which takes what it takes.
  const until = performance.now() + 20_000;
  while (!stream.text().includes('Tenants') && performance.now() < until) await settle();
  expect(stream.text()).toContain('Tenants');
}

describe('progress on a terminal', () => {
  it('draws at most ten frames a second, whatever happens', async () => {
    const stream = fakeStream();
    const progress = createProgress({ stream, color: false, isTTY: true });
    progress.handle({ type: 'phase', phase: 'tenants', total: 2000 });
    await untilDrawn(stream);
    const before = stream.writes.length;
    for (let i = 0; i < 2000; i++) {
      progress.handle(start(`t_${i}`));
      progress.handle(applied(`t_${i}`));
      if (i % 2 === 0) vi.advanceTimersByTime(1);
    }
    const frames = stream.writes.slice(before).filter((text) => text.includes('Tenants'));
    expect(frames.length).toBeGreaterThanOrEqual(9);
    expect(frames.length).toBeLessThanOrEqual(10);
    await progress.stop();
    expect(screenOf(stream.text())).toEqual({ lines: ['✔ Tenants 2,000/2,000 (1.0 s)'], cursor: true });
  });

  it.each([40, 80, 200])('shows counts, rate, time left and current tenants within %i columns', async (columns) => {
    const stream = fakeStream(columns);
    const progress = createProgress({ stream, color: true, isTTY: true });
    progress.handle({ type: 'phase', phase: 'tenants', total: 2000 });
    await untilDrawn(stream);
    for (let i = 0; i < 400; i++) {
      progress.handle(start(`t_${i}`));
      progress.handle(applied(`t_${i}`));
      vi.advanceTimersByTime(10);
    }
    for (const lane of ['a', '東京', 'c']) progress.handle(start(`tenant_with_a_rather_long_name_${lane}`));
    vi.advanceTimersByTime(100);
    const { lines, cursor } = screenOf(stream.text());
    expect(cursor).toBe(false);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/Tenants [█▏▎▍▌▋▊▉]+·+ 20%$/);
    expect(lines[1]).toContain('400/2,000, 9');
    expect(lines[1]).toMatch(/9\d(?:\.\d)?\/s, 1\d s left/);
    for (const line of lines) expect(displayWidth(line)).toBeLessThan(columns);
    if (columns === 200) expect(lines[1]).toContain('name_東京, tenant_with_a_rather_long_name_c');
    await progress.stop();
  });

  it('prints failures above the line as they happen, harmless and without passwords', async () => {
    const stream = fakeStream();
    const progress = createProgress({ stream, color: false, isTTY: true });
    progress.handle({ type: 'phase', phase: 'tenants', total: 3 });
    await untilDrawn(stream);
    progress.handle(failed('ev\u001B[2Jil'));
    progress.handle(applied('b'));
    vi.advanceTimersByTime(100);
    const { lines } = screenOf(stream.text());
    expect(lines[0]).toBe('✖ evil · 0042 · 23505 · doubled password=***');
    expect(lines[1]).toContain('Tenants');
    expect(lines[2]).toContain('2/3, 1 failed');
    await progress.stop();
    expect(screenOf(stream.text()).lines).toEqual([lines[0], '✖ Tenants 2/3, 1 failed (0.1 s)']);
  });

  it('leaves a line for each phase in order, even when phases come faster than they are drawn', async () => {
    const stream = fakeStream();
    const progress = createProgress({ stream, color: false, isTTY: true });
    for (const phase of ['connect', 'survey'] as const) progress.handle({ type: 'phase', phase });
    progress.handle({ type: 'surveyed', total: 1, upToDate: 1, pending: 0, blocked: 0, cohorts: 1 });
    progress.handle({ type: 'phase', phase: 'shared' });
    progress.handle({ type: 'shared', result: { status: 'applied', migrations: ['0003'], error: null } });
    progress.handle({ type: 'warning', message: 'careful' });
    progress.handle({ type: 'phase', phase: 'tenants', total: 0 });
    progress.handle({ type: 'phase', phase: 'verify' });
    await progress.stop();
    expect(screenOf(stream.text())).toEqual({
      lines: [
        '! careful',
        '✔ Connect',
        '✔ Surveyed 1 tenant: 1 up to date, 0 pending, in 1 cohort',
        '✔ Shared schema: 0003',
        '✔ Tenants 0/0 (0 ms)',
        '✔ Check again for pending tenants',
      ],
      cursor: true,
    });
  });

  it('gives the cursor back and leaves nothing half-drawn when it is stopped in the middle', async () => {
    const stream = fakeStream();
    const progress = createProgress({ stream, color: true, isTTY: true });
    progress.handle({ type: 'phase', phase: 'tenants', total: 10 });
    await untilDrawn(stream);
    progress.handle(applied('a'));
    progress.handle(start('b'));
    vi.advanceTimersByTime(300);
    progress.handle({ type: 'stopping', reason: 'interrupted' });
    await Promise.all([progress.stop('failed'), progress.stop()]);
    const written = stream.writes.length;
    progress.handle(applied('b'));
    vi.advanceTimersByTime(1000);
    await settle();
    expect(stream.writes).toHaveLength(written);
    expect(screenOf(stream.text())).toEqual({
      lines: [
        '! No more tenants are started, because the run was interrupted; running ones',
        '  finish.',
        '✖ Tenants 1/10 (0.3 s)',
      ],
      cursor: true,
    });
  });

  it('marks the phase in which the run broke off', async () => {
    const stream = fakeStream();
    const progress = createProgress({ stream, color: false, isTTY: true });
    progress.handle({ type: 'phase', phase: 'connect' });
    await progress.stop('failed');
    expect(screenOf(stream.text()).lines).toEqual(['✖ Connect']);
  });
});

describe('progress without a terminal', () => {
  const lines = (stream: ReturnType<typeof fakeStream>) => stream.text().trimEnd().split('\n');

  it('writes phases, failures and a counter every few seconds, nothing redrawn', async () => {
    let now = 0;
    const stream = fakeStream();
    const progress = createProgress({ stream, color: false, isTTY: false, now: () => now });
    progress.handle({ type: 'phase', phase: 'tenants', total: 2000 });
    for (let i = 0; i < 1200; i++) {
      progress.handle(i === 7 ? failed('ev\u001B[2Jil') : applied(`t_${i}`));
      now += 10;
    }
    await progress.stop();
    expect(lines(stream)).toEqual([
      'Tenants (2,000)',
      'failed evil · 0042 · 23505 · doubled password=***',
      'tenants 501/2,000, 1 failed, 100/s, 15 s left',
      'tenants 1,001/2,000, 1 failed, 100/s, 10 s left',
      'tenants 1,200/2,000, 1 failed, 100/s, 8 s left',
    ]);
  });

  it('promises no time that is left while no tenant finishes', async () => {
    let now = 0;
    const stream = fakeStream();
    const progress = createProgress({ stream, color: false, isTTY: false, now: () => now });
    progress.handle({ type: 'phase', phase: 'tenants', total: 2000 });
    for (let i = 0; i < 100; i++) {
      progress.handle(applied(`t_${i}`));
      now += 10;
    }
    now += 11_000;
    await progress.stop();
    expect(lines(stream).at(-1)).toBe('tenants 100/2,000, none finished for 12 s');
  });

  it('shows life once a minute while a slow migration stands', () => {
    const stream = fakeStream();
    const progress = createProgress({ stream, color: false, isTTY: false });
    progress.handle({ type: 'phase', phase: 'tenants', total: 2 });
    vi.advanceTimersByTime(59_000);
    expect(lines(stream)).toEqual(['Tenants (2)']);
    vi.advanceTimersByTime(61_000);
    expect(lines(stream)).toEqual(['Tenants (2)', 'tenants 0/2', 'tenants 0/2']);
    void progress.stop();
  });

  it('writes failures and warnings only beside a JSON document, even on a terminal', async () => {
    const stream = fakeStream();
    const progress = createProgress({ stream, color: false, isTTY: true, json: true, verbose: true });
    progress.handle({ type: 'phase', phase: 'tenants', total: 2 });
    progress.handle({ type: 'waiting', message: 'for the lock' });
    progress.handle(applied('a'));
    progress.handle(failed('b'));
    progress.handle({ type: 'warning', message: 'careful' });
    vi.advanceTimersByTime(120_000);
    await progress.stop();
    expect(lines(stream)).toEqual(['failed b · 0042 · 23505 · doubled password=***', 'warning careful']);
  });

  it('stops printing failures after a hundred and says so', async () => {
    const stream = fakeStream();
    const progress = createProgress({ stream, color: false, isTTY: false, json: true });
    for (let i = 0; i < 500; i++) progress.handle(failed(`t_${i}`));
    await progress.stop();
    expect(lines(stream)).toHaveLength(101);
    expect(lines(stream).at(-1)).toContain('Further failures are only counted');
  });
});

describe('a stream that breaks', () => {
  it.each([true, false])('is forgotten after its first error and stops nothing (terminal: %s)', async (isTTY) => {
    let writes = 0;
    const stream = {
      columns: 80,
      write() {
        writes++;
        throw Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
      },
    };
    const progress = createProgress({ stream, color: false, isTTY });
    progress.handle({ type: 'phase', phase: 'tenants', total: 2 });
    await settle();
    progress.handle(failed('a'));
    vi.advanceTimersByTime(1000);
    await progress.stop();
    expect(writes).toBe(1);
  });

  it('has a listener for errors that come later, one for all progress displays', async () => {
    const listeners: ((error: Error) => void)[] = [];
    const stream = {
      write: () => true,
      on: (_: 'error', listener: (error: Error) => void) => listeners.push(listener),
    };
    createProgress({ stream, color: false, isTTY: false });
    createProgress({ stream, color: false, isTTY: false });
    expect(listeners).toHaveLength(1);
    expect(() => listeners[0]?.(new Error('write EPIPE'))).not.toThrow();
  });
});
