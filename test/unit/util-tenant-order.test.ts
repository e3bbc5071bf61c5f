import { describe, expect, it } from 'vitest';

import { orderBy, parseTenantOrder } from '../../src/util/tenant-order.js';

const asc = (column: string) => ({ column, direction: 'ASC', nulls: undefined });

describe('parseTenantOrder', () => {
  it.each([
    ['created_at', [asc('created_at')]],
    ['created_at desc', [{ column: 'created_at', direction: 'DESC', nulls: undefined }]],
    [' created_at  DESC nulls LAST , name', [{ column: 'created_at', direction: 'DESC', nulls: 'LAST' }, asc('name')]],
    ['name NULLS FIRST', [{ column: 'name', direction: 'ASC', nulls: 'FIRST' }]],
    ['"Odd, ""name""" asc', [asc('Odd, "name"')]],
    ['createdAt', [asc('createdAt')]],
    ['my column', [asc('my column')]],
    ['lower(name)', [asc('lower(name)')]],
    ['a;b', [asc('a;b')]],
    ['a,,b', [asc('a,,b')]],
    ['"; DROP', [asc('"; DROP')]],
  ])('reads %s', (order, expected) => {
    expect(parseTenantOrder(order)).toEqual(expected);
  });

  it.each(['', ' ', 'x'.repeat(64), 'a\0'])('does not take %j', (order) => {
    expect(parseTenantOrder(order)).toBeUndefined();
  });

  it.each(['schema_name', 'x desc', 'a"b, c', 'É'])('reads the order by one column, %j', (column) => {
    expect(parseTenantOrder(orderBy(column))).toEqual([asc(column)]);
  });
});
