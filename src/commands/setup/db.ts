import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { printMessage } from '../../cli/output.js';
import { programAfterDashes, runClient } from '../../cli/run-client.js';
import type { DbDocument } from '../../cli/schemas/document-types.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { formatDbStarted, formatDbStopped } from '../../ui/summary/format-db.js';
import { tenantsCommand } from '../../util/tenants-command.js';

const ACTIONS = ['start', 'stop', 'url', 'psql'] as const;

export default class Db extends BaseCommand {
  static override summary = 'Keep the embedded database running for an application.';
  static override description =
    'start keeps the server running after the command has ended; stop ends it. url prints its URL, with ' +
    'the password, for DATABASE_URL in a .env file; the port stays the same as long as it is free. psql opens psql on the ' +
    'database; what follows -- is passed on to it.';
  static override usage = 'db ACTION [-- ARGUMENT…] [FLAGS]';
  static override examples = [
    '<%= config.bin %> db start',
    { description: 'The URL for a .env file', command: 'echo "DATABASE_URL=$(<%= config.bin %> db url)" >> .env' },
    { description: 'A statement', command: "<%= config.bin %> db psql -- -c 'SELECT version()'" },
  ];
  static override args = {
    action: Args.string({ required: true, ignoreStdin: true, options: [...ACTIONS], description: 'What to do.' }),
  };
  static override flags = {
    program: Flags.string({ helpValue: 'NAME', description: 'Client to run for psql (default: psql).' }),
  };

  async run(): Promise<number> {
    const { own, rest } = programAfterDashes(this.argv);
    const { args, flags } = await this.parse(Db, own);
    // Asked for by name; a database that the environment sets is another one.
    const loaded = await this.load({ ...flags, database: 'embedded' });
    const { embeddedUrl, keepEmbedded, stopEmbedded } = await import('../../embedded/keep-running.js');
    switch (args.action as (typeof ACTIONS)[number]) {
      case 'start': {
        const server = await keepEmbedded(loaded.root);
        return this.print(server satisfies DbDocument, (context) => formatDbStarted(server, context));
      }
      case 'stop': {
        const outcome = await stopEmbedded(loaded.root);
        return this.print(outcome satisfies DbDocument, () => formatDbStopped(outcome));
      }
      case 'url': {
        const found = await embeddedUrl(loaded.root);
        if (found === undefined) throw notStarted();
        if (!found.running) {
          printMessage(`The server is not running. To start it, run: ${tenantsCommand('db', 'start')}`);
        }
        return this.printSecret(found satisfies DbDocument, () => found.url);
      }
      case 'psql': {
        const { databaseShell } = await import('../../each-tenant/exec/shell.js');
        const command = [flags.program ?? 'psql', ...rest] as const;
        const exitCode = await runClient(loaded, (project, options) => databaseShell(project, { ...options, command }));
        return this.print({ exitCode } satisfies DbDocument, () => '', exitCode === 0 ? 0 : 1);
      }
    }
  }
}

function notStarted(): TenantsError {
  return new TenantsError('EMBEDDED_REFUSED', 'The embedded database of this project has not been started yet.', {
    suggestions: [`To start it, run: ${tenantsCommand('db', 'start')}`],
  });
}
