import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        // Needs neither a server nor a build.
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          pool: 'threads',
          isolate: false,
          testTimeout: 30_000,
        },
      },
      {
        // Needs a PostgreSQL server, which it starts, and the build of the command line.
        test: {
          name: 'server',
          include: ['test/{integration,runtime,cli,executors,faults}/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          pool: 'forks',
          isolate: false,
          // The build is run as it is.
          server: { deps: { external: [/\/dist\//] } },
          // Generous, for a machine that is busy with something else.
          testTimeout: 90_000,
          hookTimeout: 180_000,
        },
      },
      {
        // Needs the coordinator of a Citus cluster, whose URL is TENANTS_TEST_CITUS_URL; see scripts/test-citus.js.
        test: {
          name: 'citus',
          include: ['test/citus/**/*.test.ts'],
          globalSetup: ['test/support/say-without-citus.ts'],
          pool: 'forks',
          isolate: false,
          fileParallelism: false,
          // Projects with different numbers of workers run one after the other.
          sequence: { groupOrder: 1 },
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
    // More than the cores of a small machine: tests wait for the server and for processes most of the time.
    maxWorkers: 5,
  },
});
