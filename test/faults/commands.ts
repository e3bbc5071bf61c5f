import { complain, complainAbout, complainAboutRegistry, doneBy, type RunDocument } from './complaints.js';
import { LARGE } from './fleet.js';
import { complainAboutJournal } from './journal.js';
import { type Progress, until } from './moment.js';
import type { Round } from './round.js';
import type { FleetState } from './state.js';
import { countHit } from './tally.js';
import type { Trials } from './trials.js';

/** Where a killed command can have left the fleet: as before, at its end, or in between. */
type Place = 'old' | 'new' | 'between';

/** A command that is killed and then given once more. */
type Killed = {
  args: string[];
  from: 'behind' | 'current';
  progress: Progress;
  /** Where the fleet stands; throws when that is no place to stand at. */
  judge(round: Round, state: FleetState): Place;
};

const SLOW_ENOUGH = '30s';

export const killCreate = (round: Round, trials: Trials): Promise<void> =>
  killAndRepeat(round, trials, {
    args: ['create-tenant', 'newcomer', 'newcomer.example.com', '--json'],
    from: 'current',
    progress: 'create',
    judge: ({ fleet }, state) => {
      const status = state.registered.get('newcomer');
      const schema = state.schemas.get('newcomer');
      if (schema === undefined || status === undefined) return 'old';
      const at = status === 'active' ? 'all' : 'between';
      // The first transaction of a new tenant has the first migration in it, too.
      fail(complain(schema, { set: fleet.set, at }));
      return status === 'active' ? 'new' : 'between';
    },
  });

/** Of a large schema every other time, which takes several transactions. */
export const killDelete = (round: Round, trials: Trials): Promise<void> => {
  const victim = round.number % 2 === 0 ? 't02' : LARGE;
  return killAndRepeat(round, trials, {
    args: ['delete-tenant', victim, '--confirm', victim, '--json'],
    from: 'current',
    progress: 'change',
    judge: ({ fleet }, state) => {
      const status = state.registered.get(victim);
      const schema = state.schemas.get(victim);
      if (status === 'deleting') return 'between';
      if (schema === undefined) return 'new';
      fail(complain(schema, { set: fleet.set, at: 'all' }));
      return 'old';
    },
  });
};

export const killRename = (round: Round, trials: Trials): Promise<void> =>
  killAndRepeat(round, trials, {
    args: ['rename-tenant', 't02', 'renamed', '--json'],
    from: 'current',
    progress: 'change',
    judge: (_round, state) => {
      const found = ['t02', 'renamed'].filter((name) => state.registered.has(name));
      if (found.length !== 1) throw new Error(`t02: after renaming it there are ${found.join(' and ') || 'none'}`);
      return found[0] === 't02' ? 'old' : 'new';
    },
  });

/** Kills a command, looks at what it left, and gives it once more. */
async function killAndRepeat(round: Round, trials: Trials, { args, from, progress, judge }: Killed): Promise<void> {
  const moment = await trials.moment(round, from, progress, args);
  const running = round.spawn(args);
  await until(round.url, running, progress, moment);
  running.child.kill('SIGKILL');
  await round.outcomeOf(running);

  const left = await round.settle();
  const place = judgeWhole(round, left, judge);
  round.row[place === 'old' ? 'before' : place === 'new' ? 'after' : 'middle'] += 1;

  // What is done already is refused, and changes nothing.
  const again = await round.run([...args, ...(args[0] === 'create-tenant' ? [] : ['--lock-timeout', SLOW_ENOUGH])]);
  round.expectCode(again, place === 'new' ? 2 : 0);
  if (place !== 'new') round.row.leftToDo += 1;
  const after = await round.settle();
  if (judgeWhole(round, after, judge) !== 'new') {
    round.complain(['the command was given again, and is not done'], again);
  }
}

/** Everybody else is as before, and nobody is without a row or a schema. */
function judgeWhole(round: Round, state: FleetState, judge: Killed['judge']): Place {
  const place = judge(round, state);
  const unfinished = new Set([...state.registered].filter(([, status]) => status !== 'active').map(([name]) => name));
  const others = new Map([...state.schemas].filter(([name]) => !unfinished.has(name)));
  fail(complainAboutRegistry(state));
  fail(
    complainAbout(
      { ...state, schemas: others, registered: without(state.registered, unfinished) },
      { set: round.fleet.set, at: 'all' },
    ),
  );
  return place;
}

function without(registered: ReadonlyMap<string, string>, names: ReadonlySet<string>): Map<string, string> {
  return new Map([...registered].filter(([name]) => !names.has(name)));
}

function fail(complaints: readonly string[]): void {
  if (complaints.length > 0) throw new Error(complaints.slice(0, 8).join('\n'));
}

/** Kills a `rollback` of the fleet to its first migration. */
export async function killRollback(round: Round, trials: Trials): Promise<void> {
  const to = round.fleet.set.all[0]?.name ?? '';
  const args = ['rollback', '--tenants-only', '--to', to, '--confirm', 'all', '--json'];
  const moment = await trials.moment(round, 'current', 'rollback', args);
  const running = round.spawn(args);
  await until(round.url, running, 'rollback', moment);
  running.child.kill('SIGKILL');
  await round.outcomeOf(running);

  const left = await round.settle();
  round.expect(left, { at: 'between', direction: 'down' });
  countHit(round.row, left, round.fleet.set);
  const next = await round.run([...args, '--lock-wait', '30s']);
  round.expectCode(next, 0);
  round.row.leftToDo += doneBy(next.json<RunDocument>());
  const after = await round.settle();
  round.expect(after, { at: 'none' }, next);
  round.complain(await complainAboutJournal(round.url, after), next);
}
