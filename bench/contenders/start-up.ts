import { node, REPOSITORY, runProgram } from '../run-program.js';
import { TENANTS } from './tenants.js';
import type { Contender } from './types.js';

/** What passes before a command can begin, beside a Node.js that does nothing. */
export function startUps(): Contender[] {
  const start = (name: string, role: Contender['role'], program: string, args: string[]): Contender => ({
    name,
    role,
    scenarios: ['startup'],
    prepare: () => Promise.resolve(() => runProgram(node(program, args, REPOSITORY))),
  });
  return [
    start('node -e 0', 'floor', '-e', ['0']),
    start('tenants --version', 'ours', TENANTS, ['--version']),
    start('tenants --help', 'ours', TENANTS, ['--help']),
    start('tenants migrate --help', 'ours', TENANTS, ['migrate', '--help']),
    start('importing the library', 'ours', '--input-type=module', [
      '-e',
      `await import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)})`,
    ]),
  ];
}
