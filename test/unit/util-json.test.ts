import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { JsonSyntaxError, parseJson } from '../../src/util/json.js';

describe('parseJson', () => {
  it('reads what JSON.parse reads, a byte order mark included', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseJson(`\uFEFF${text}`)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each<[string, string]>([
    ['', 'line 1, column 1: expected a value'],
    ['{\n  "a": 1,\n}', 'line 3, column 1: expected a key in double quotes'],
    ['{\n  "a": 1\n  "b": 2\n}', "line 3, column 3: expected ',' or '}'"],
    ["{ 'a': 1 }", 'line 1, column 3: expected a key in double quotes'],
    ['{ "a" 1 }', "line 1, column 7: expected ':'"],
    ['{ "a": [1, 2 }', "line 1, column 14: expected ',' or ']'"],
    ['{ "a": // why\n 1 }', 'line 1, column 8: expected a value'],
    ['{ "a": "x\ny" }', 'line 1, column 8: expected a value'],
    ['{} {}', 'line 1, column 4: expected nothing more'],
    ['{ "a": tru }', 'line 1, column 8: expected a value'],
  ])('says where %j goes wrong', (text, message) => {
    expect(() => parseJson(text)).toThrow(JsonSyntaxError);
    expect(() => parseJson(text)).toThrow(message);
  });

  it('finds a fault in whatever JSON.parse refuses, and never quotes the text', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.constantFrom('#', '}', ',', '"'), (text, at, mark) => {
        const offset = at % (text.length + 1);
        const broken = `${text.slice(0, offset)}${mark}${text.slice(offset)}`;
        let expected = true;
        try {
          JSON.parse(broken);
        } catch {
          expected = false;
        }
        fc.pre(!expected);
        expect(() => parseJson(broken)).toThrow(/^line \d+, column \d+: expected [\w ,':}\]]+$/);
      }),
    );
  });
});
