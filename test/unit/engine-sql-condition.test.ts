import { describe, expect, it } from 'vitest';

import { parseCondition } from '../../src/engine/sql/parse-condition.js';

describe('parseCondition', () => {
  it.each([
    "plan = 'pro'",
    "plan IN ('pro', 'gold') AND NOT suspended -- paying ones",
    "created_at < now() - interval '1 day' /* old */",
    'EXISTS (SELECT FROM public.invoices i WHERE i.tenant_id = tenants.id ORDER BY 1 LIMIT 1)',
    "label = ';'",
    "label = 'é — 漢'",
    'true',
  ])('takes the expression %s', async (text) => {
    expect(await parseCondition(text)).toBe(text);
  });

  it('leaves out a semicolon at the end', async () => {
    expect(await parseCondition("plan = 'pro' ; ")).toBe("plan = 'pro'");
  });

  it.each([
    ['nothing', ' '],
    ['a comment alone', '-- x'],
    ['another statement', 'true; DROP TABLE tenants'],
    ['a parenthesis that is not its own', 'true) OR (true'],
    ['a UNION', 'false UNION SELECT 1'],
    ['an order', 'true ORDER BY 1'],
    ['a limit', 'true LIMIT 1'],
    ['a group', 'true GROUP BY 1'],
    ['a HAVING', 'true HAVING true'],
    ['a lock', 'true FOR UPDATE'],
    ['a window', 'true WINDOW w AS ()'],
    ['an INTO', 'true INTO x'],
    ['a parameter', 'plan = $1'],
    ['an open string', "plan = 'pro"],
    ['an open comment', 'true /*'],
    ['two expressions', "plan 'pro' type"],
    ['a NUL', 'a\0b'],
  ])('refuses %s', async (_, text) => {
    await expect(parseCondition(text)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('The condition') as string,
    });
  });
});
