import { describe, expect, it } from 'vitest';

import { TenantsError } from '../../src/errors/tenants-error.js';
import type { Cohort } from '../../src/fleet/cohorts.js';
import { compileAll } from '../../src/fleet/compile-all.js';
import type { Planner } from '../../src/fleet/planner.js';
import { cohortToUndo, toUndo, type UndoTarget } from '../../src/run/undo.js';

const FILES = ['1', '2', '3', '4'];

describe('what a rollback undoes', () => {
  it.each<[string, string[], UndoTarget, string[]]>([
    ['the last one', ['1', '2', '3'], { count: 1 }, ['3']],
    ['several, newest first', ['1', '2', '3'], { count: 2 }, ['3', '2']],
    ['no more than there are', ['1', '2'], { count: 9 }, ['2', '1']],
    ['nothing where nothing is applied', [], { count: 1 }, []],
    ['the last one by its row, not by its name', ['1', '3', '2'], { count: 1 }, ['2']],
    ['what came after a migration', ['1', '2', '3', '4'], { to: '2' }, ['4', '3']],
    ['what was applied after it, whatever its name', ['1', '3', '2'], { to: '3' }, ['2']],
    ['nothing after the last', ['1', '2'], { to: '2' }, []],
    ['nothing where the migration is still to come', ['1', '2'], { to: '3' }, []],
    ['what stands after it where it was left out', ['1', '3', '4'], { to: '2' }, ['4', '3']],
    ['only the end of the list', ['3', '1'], { to: '2' }, []],
    ['what has no file any more, to be refused', ['1', '2', 'gone'], { to: '2' }, ['gone']],
    ['also after a migration that was left out', ['1', 'gone'], { to: '2' }, ['gone']],
  ])('%s', (_what, applied, target, expected) => {
    expect(toUndo(applied, FILES, target)).toEqual(expected);
  });

  it('is not known of a tenant of which it is not known where it stands', () => {
    const cohort = { type: null, applied: ['1', '2'], tableExists: true, members: [] };
    const missing = { ...cohort, state: { kind: 'missing', pending: [] } } as const;
    const ahead = { ...cohort, state: { kind: 'ahead', unknown: ['9'] } } as const;
    const target = { count: 1 };
    expect(cohortToUndo({ ...missing, state: { kind: 'missing', pending: [] } }, FILES, target)).toBeUndefined();
    expect(cohortToUndo({ ...cohort, state: { kind: 'unknownType', type: 'x' } }, FILES, target)).toBeUndefined();
    expect(cohortToUndo({ ...ahead, state: { kind: 'ahead', unknown: ['9'] } }, FILES, target)).toEqual(['2']);
  });
});

describe('compiling beforehand', () => {
  const cohort = (type: string | null): Cohort => ({
    type,
    applied: [],
    tableExists: true,
    members: [],
    state: { kind: 'upToDate' },
  });
  const planner = (compile: Planner['compile']): Pick<Planner, 'compile'> => ({ compile });

  it('asks once for each type, for everything that its cohorts need', async () => {
    const asked: [string | null, string[]][] = [];
    const wanted = [
      { cohort: cohort(null), files: [], names: ['1', '2'] },
      { cohort: cohort('shop'), files: [], names: ['1'] },
      { cohort: cohort(null), files: [], names: ['2', '3'] },
    ];
    await compileAll(
      planner(async (type, _files, names) => void asked.push([type, [...names]])),
      wanted,
    );
    expect(asked).toEqual([
      [null, ['1', '2', '3']],
      ['shop', ['1']],
    ]);
  });

  it('says what is wrong with the migrations of all types at once', async () => {
    const refuse = planner((type) =>
      Promise.reject(
        new TenantsError('MIGRATION_REFUSED', `one of ${type}`, type === null ? {} : { problems: ['a', 'b'] }),
      ),
    );
    const wanted = [null, 'shop'].map((type) => ({ cohort: cohort(type), files: [], names: ['1'] }));
    await expect(compileAll(refuse, wanted)).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
      details: { problems: ['one of null', 'a', 'b'] },
    });
    await expect(compileAll(refuse, wanted.slice(0, 1))).rejects.toMatchObject({ message: 'one of null' });
  });

  it('does not hide an error of another kind', async () => {
    const broken = planner(() => Promise.reject(new TypeError('broken')));
    await expect(compileAll(broken, [{ cohort: cohort(null), files: [], names: ['1'] }])).rejects.toThrow('broken');
  });
});
