import { describe, expect, it } from 'vitest';

import { directivesIn } from '../../src/engine/compile/directives.js';
import { markPhase, partOfPhase } from '../../src/engine/phases.js';
import { phasesIn } from '../../src/util/migration-comments.js';

/** Names of files; those that end in `!` are of the phase post. */
const filesOf = (names: string) =>
  names.split(' ').map((word) => {
    const name = word.replace('!', '');
    return { name, path: `${name}.sql`, ...(word.endsWith('!') ? { phase: 'post' as const } : {}) };
  });

describe('a phase takes a beginning of what is pending', () => {
  it.each([
    ['pre', '1 2', { names: ['1', '2'], waiting: [], heldBack: [] }],
    ['pre', '1 2!', { names: ['1'], waiting: ['2'], heldBack: [] }],
    ['pre', '1! 2!', { names: [], waiting: ['1', '2'], heldBack: [] }],
    ['pre', '1 2! 3 4!', { names: ['1'], waiting: ['2', '4'], heldBack: ['3'], behind: '2' }],
    ['pre', '1! 2 3', { names: [], waiting: ['1'], heldBack: ['2', '3'], behind: '1' }],
    ['post', '1! 2!', { names: ['1', '2'], waiting: [], heldBack: [] }],
    ['post', '1 2', { names: ['1', '2'], waiting: [], heldBack: [] }],
    ['post', '1! 2', { names: ['1', '2'], waiting: [], heldBack: [] }],
    ['post', '1! 2 3!', { names: ['1', '2'], waiting: [], heldBack: ['3'], behind: '2' }],
    ['post', '1 2! 3', { names: ['1'], waiting: [], heldBack: ['2', '3'], behind: '1' }],
    [undefined, '1 2! 3', { names: ['1', '2', '3'], waiting: [], heldBack: [] }],
  ] as const)('%s of %s', (phase, names, expected) => {
    const files = filesOf(names);
    expect(
      partOfPhase(
        files,
        files.map(({ name }) => name),
        phase,
      ),
    ).toEqual(expected);
  });

  it('whatever is applied already', () => {
    const part = partOfPhase(filesOf('1 2! 3 4! 5'), ['3', '4', '5'], 'pre');
    expect(part).toEqual({ names: ['3'], waiting: ['4'], heldBack: ['5'], behind: '4' });
  });
});

describe('the comment', () => {
  it('is found in SQL and in JavaScript, however it is written', () => {
    expect(phasesIn('-- tenants: phase=post\nSELECT 1')).toEqual(['post']);
    expect(phasesIn('\uFEFF--tenants:phase = POST \r\nSELECT 1')).toEqual(['post']);
    expect(phasesIn('// tenants: phase=pre\nexport const up = 1')).toEqual(['pre']);
    expect(phasesIn("SELECT '-- tenants: phase=post'; -- tenants: phase=post")).toEqual([]);
    expect(phasesIn('-- tenants: phases\n-- tenants: no-transaction')).toEqual([]);
  });

  it('makes a migration wait, and is refused where it names no phase or both', () => {
    const file = { name: 'a', path: 'a.sql' };
    expect(markPhase(file, [])).toBe(file);
    expect(markPhase(file, ['pre'])).toEqual(file);
    expect(markPhase(file, ['post', 'post'])).toEqual({ ...file, phase: 'post' });
    expect(() => markPhase(file, ['pots'])).toThrow('The comment "tenants: phase=pots" in a.sql names no phase.');
    expect(() => markPhase(file, [''])).toThrow('names no phase');
    expect(() => markPhase(file, ['pre', 'post'])).toThrow('"tenants: phase=pre" and "tenants: phase=post"');
  });

  it('with a typing error in its name is pointed out', () => {
    expect(directivesIn('-- tenants: phse=post').warnings).toEqual([
      'the comment "tenants: phse" means nothing. Did you mean "phase"?',
    ]);
    expect(directivesIn('-- tenants: phase=post').warnings).toEqual([]);
  });
});
