import { expect, it } from 'vitest';

import { formatBytes } from '../../src/util/format-bytes.js';

it.each([
  [0, '0 bytes'],
  [1023, '1023 bytes'],
  [8192, '8 kB'],
  [1_258_291, '1.2 MB'],
  [48 * 1024 ** 3, '48 GB'],
  [5000 * 1024 ** 4, '5000 TB'],
])('%d bytes are shown as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
