import { expect, it } from 'vitest';

import { TenantsError } from '../../src/errors/tenants-error.js';
import type { AfterRunContext } from '../../src/project/hook-types.js';
import { RunHookCalls } from '../../src/run/hooks/run-hook-calls.js';

const hooksOf = (told: AfterRunContext[]): RunHookCalls =>
  new RunHookCalls(
    { hooks: { afterRun: (context) => void told.push(context) } },
    {},
    { command: 'rollback', direction: 'down' },
    () => 7,
    new AbortController().signal,
  );
const error = new TenantsError('DATABASE_UNREACHABLE', 'The server is gone.');

it('the hook at the end is told of the error that ended the run as a whole', async () => {
  const told: AfterRunContext[] = [];
  const hooks = hooksOf(told);
  await hooks.before({ shared: [], tenants: 1 });
  await expect(hooks.around(() => Promise.reject(error), undefined)).rejects.toBe(error);
  expect(told).toEqual([{ command: 'rollback', direction: 'down', run: 7, exitCode: error.exitCode, error }]);
});

it('the hook at the end is not called for a run that was refused before it began', async () => {
  const told: AfterRunContext[] = [];
  await expect(hooksOf(told).around(() => Promise.reject(error), undefined)).rejects.toBe(error);
  expect(told).toEqual([]);
});
