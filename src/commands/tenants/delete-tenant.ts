import { resolve } from 'node:path';

import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { confirm } from '../../cli/confirm.js';
import { tenantDocument } from '../../cli/documents.js';
import { changeFlags } from '../../cli/flags.js';
import { runSettings } from '../../cli/run-settings.js';
import { signalExitCode } from '../../cli/signals.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { formatDeleted } from '../../ui/summary/format-changed-tenant.js';
import { formatTenantSize } from '../../ui/summary/format-tenant-size.js';
import { shellWord } from '../../util/shell-word.js';

export default class DeleteTenant extends BaseCommand {
  static override summary = 'Delete a tenant: schema with all data, row and domains.';
  static override description =
    'Runs in one transaction. A schema that is too large for that is dropped in several, and running the command again continues ' +
    'an interrupted deletion. Says what would be lost and asks for the name on a terminal; requires --confirm NAME elsewhere. Refused while objects ' +
    'outside the schema depend on it.';
  static override examples = [
    '<%= config.bin %> delete-tenant acme',
    {
      description: 'In a script, after writing a dump',
      command: '<%= config.bin %> delete-tenant acme --dump acme.sql --confirm acme',
    },
  ];
  static override args = {
    name: Args.string({ required: true, ignoreStdin: true, description: 'Schema name of the tenant.' }),
  };
  static override flags = {
    'keep-schema': Flags.boolean({ description: 'Unregister the tenant but keep its schema.' }),
    dump: Flags.string({ helpValue: 'FILE', description: 'First write the schema to this new file, with pg_dump.' }),
    confirm: Flags.string({ helpValue: 'NAME', description: 'Name of the tenant, as confirmation.' }),
    ...changeFlags,
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(DeleteTenant);
    const { name: schema } = args;
    const loaded = await this.load(flags, runSettings(flags));
    if (flags.confirm === undefined) {
      // A name that does not exist is not worth a question.
      const { readTenantSize } = await import('../../lifecycle/tenant-size.js');
      const size = await this.read(loaded, (project) => readTenantSize(project, schema));
      const question = formatTenantSize(size, { keepSchema: flags['keep-schema'] });
      if (!(await confirm(schema, undefined, question))) throw unconfirmed(schema, question);
    } else await confirm(schema, flags.confirm, '');
    const { deleteTenant } = await import('../../lifecycle/delete-tenant.js');
    const dump = flags.dump === undefined ? {} : { dump: resolve(flags.dump) };
    const options = { schema, keepSchema: flags['keep-schema'], ...dump };
    const deleted = await this.change(loaded, (project, control) => deleteTenant(project, { ...options, ...control }));
    this.remark(deleted.warnings);
    return this.print(tenantDocument(deleted), (context) => formatDeleted(deleted, context, dump), signalExitCode());
  }
}

function unconfirmed(schema: string, question: string): TenantsError {
  const message = `Deleting the tenant "${schema}" was not confirmed; nothing was changed. ${question}`;
  return new TenantsError('USAGE', message, { tenant: schema, suggestions: [`Add --confirm ${shellWord(schema)}`] });
}
