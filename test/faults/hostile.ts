import { Client } from 'pg';

import { registryMigration } from '../../src/registry/migration-template.js';
import { withAdmin } from '../support/admin.js';
import type { TestDatabase } from '../support/database.js';
import { createProject } from '../support/project.js';
import { SHAPE } from '../support/registry-shapes.js';
import { namesIn, plantShadows, recordSql, shadowCalls } from '../support/shadow-objects.js';
import { finish, killMigrate, migrateArgs, variation } from './kills.js';
import type { Round } from './round.js';
import { readState } from './state.js';
import { countHit, countTime } from './tally.js';
import type { Trials } from './trials.js';

/** What the JavaScript of a migration does to the process it runs in. */
const ACTS = {
  exit: 'process.exit(0);',
  throw: `throw new Error('hostile');`,
  kill: `process.kill(process.pid, 'SIGKILL');`,
  reject: `void Promise.reject(new Error('stray'));`,
} as const;

/** A migration ends or spoils its process at one tenant; every tenant is at a place where it may be. */
export async function hostileCode(round: Round): Promise<void> {
  const args = migrateArgs(round);
  const { args: varied, anyStop } = variation(round);
  const victim = round.random.pick(round.fleet.tenants as [string, ...string[]]);
  const act = round.random.pick(Object.keys(ACTS) as [keyof typeof ACTS, ...(keyof typeof ACTS)[]]);
  const files = round.fleet.set.all.map(({ file, name, text }) => {
    const script = `export const up = async (pgm) => {
  const { rows } = await pgm.db.query('SELECT count(*)::int AS count, current_schema()::text AS schema FROM projects');
  pgm.sql('CREATE TABLE direct (seen int DEFAULT ' + rows[0].count + ')');
  if (rows[0].schema === '${victim}') { ${ACTS[act]} }
};
export const down = (pgm) => { pgm.sql('DROP TABLE direct'); };
`;
    return [`migrations/tenant/${file}`, name === '0005_direct' ? script : text] as const;
  });
  const project = await createProject({
    'tenants.config.json': '{}',
    'migrations/shared/0001_registry.sql': registryMigration(SHAPE),
    ...Object.fromEntries(files),
  });
  try {
    const since = performance.now();
    const outcome = await round.run([...args, ...varied], { cwd: project.root });
    countTime(round.row, since);
    const left = await round.settle();
    countHit(round.row, left, round.fleet.set);
    round.expect(left, { at: 'between', anyStop });
    const isWhole = [...left.schemas.values()].every(({ applied }) => applied.length === round.fleet.set.all.length);
    if (outcome.code === 0 && !isWhole) round.complain([`${act}: exit code 0, and tenants are behind`], outcome);
    round.row[outcome.code === 0 ? 'survived' : 'reported'] += 1;
  } finally {
    await project.remove();
  }
  await finish(round, [...args, '--lock-wait', '30s']);
}

/** The times of what is applied lie in the future; then a run is killed, finished and rolled back. */
export async function turnClockBack(round: Round, trials: Trials): Promise<void> {
  for (const tenant of round.fleet.tenants) {
    if (!round.random.chance(0.5)) continue;
    await round.query(`UPDATE "${tenant}".pgmigrations SET run_on = run_on + interval '10 years'`);
  }
  await killMigrate(round, trials);
  const [first] = round.fleet.set.all;
  const { schemas } = await readState(round.url);
  for (const tenant of schemas.keys()) {
    const [row] = await round.query<{ same: boolean }>(
      `SELECT array_agg(name ORDER BY run_on, id) = array_agg(name ORDER BY id) AS same FROM "${tenant}".pgmigrations`,
    );
    const wrong =
      row?.same === true ? [] : [`${tenant}: the times of its migrations have another order than its files`];
    round.complain(wrong);
  }
  const back = await round.run(['rollback', '--tenants-only', '--to', first?.name ?? '', '--confirm', 'all', '--json']);
  round.expectCode(back, 0);
  round.expect(await round.settle(), { at: 'none' }, back);
}

/** What the migrations themselves call; a shadow of it would be theirs to call. */
const OF_MIGRATIONS = { functions: ['pg_sleep', 'generate_series', 'count'], operators: ['||'] };

/** Functions and operators that fit better than PostgreSQL's own lie in the shared schema and in a tenant's; a run is killed. */
export async function plantShadowsFirst(round: Round, trials: Trials): Promise<void> {
  const database = databaseOf(round);
  const recording = await recordSql(database);
  const plan = await round.run(['plan', '--json'], { url: recording.proxy.url });
  const migrate = await round.run(['migrate', '--shared', '--json'], { url: recording.proxy.url });
  await recording.proxy.close();
  round.expectCode(plan, 0);
  round.expectCode(migrate, 0);
  const { functions, operators } = await namesIn(database, recording.sql());
  const names = {
    functions: functions.filter(({ name }) => !OF_MIGRATIONS.functions.includes(name)),
    operators: operators.filter((name) => !OF_MIGRATIONS.operators.includes(name)),
  };
  const role = `shadow_${round.database}`;
  const victim = round.random.pick(round.fleet.tenants as [string, ...string[]]);
  await round.query(`CREATE ROLE ${role}; GRANT CREATE, USAGE ON SCHEMA public, "${victim}" TO ${role}`);
  // The role outlives the database: to drop what it owns would take more locks than the server has.
  await plantShadows(database, { schema: 'public', role }, names);
  await plantShadows(database, { schema: victim, role }, names);
  await killMigrate(round, trials);
  const calls = await shadowCalls(database);
  if (calls > 0) round.complain([`${calls} shadows were called`]);
}

/** The round's database as the support of shadow objects takes one. */
function databaseOf(round: Round): TestDatabase {
  const config = round.server.configOf(round.database);
  const client = async (): Promise<Client> => {
    const made = new Client({ connectionString: round.url });
    made.on('error', () => undefined);
    await made.connect();
    return made;
  };
  const query: TestDatabase['query'] = (sql, values) => withAdmin(round.url, (one) => one.query(sql, values));
  return { url: round.url, config, name: round.database, client, query, drop: () => Promise.resolve() };
}
