/**
 * The tests that need a Citus cluster: `npm run test:citus -- URL [FILE…]`, with the URL of a superuser on the coordinator.
 *
 * TENANTS_TEST_CITUS_START is a shell command that starts all nodes that do not run; with it nodes are killed, in
 * TENANTS_TEST_CITUS_CRASHES moments each.
 */
import { spawnSync } from 'node:child_process';

const [url = process.env.TENANTS_TEST_CITUS_URL ?? '', ...rest] = process.argv.slice(2);
if (url === '') {
  console.log('There is no Citus: give the URL of a coordinator, npm run test:citus -- URL. Its tests are skipped.');
  process.exit(0);
}
const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'citus', ...rest], {
  stdio: 'inherit',
  env: { ...process.env, TENANTS_TEST_CITUS_URL: url },
});
process.exit(status ?? 1);
