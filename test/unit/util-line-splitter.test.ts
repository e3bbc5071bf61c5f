import { expect, it } from 'vitest';

import { LineSplitter } from '../../src/util/line-splitter.js';

it('lines are whole, whatever pieces they come in', () => {
  const splitter = new LineSplitter(65_536);
  const pieces = ['a', 'b\nc\r', '\n\n', 'x'.repeat(70_000), '\nlast'];
  const lines = pieces.flatMap((piece) => splitter.push(piece));
  expect(lines).toEqual(['ab', 'c', '', 'x'.repeat(65_536), 'x'.repeat(70_000 - 65_536)]);
  expect(splitter.rest).toBe('last');
});
