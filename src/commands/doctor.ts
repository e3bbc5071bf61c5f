import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../base-command.js';
import { doctorDocument } from '../cli/documents.js';
import { changeFlags, runFlags } from '../cli/flags.js';
import { runSettings } from '../cli/run-settings.js';
import { signalExitCode } from '../cli/signals.js';
import { EXIT } from '../errors/codes.js';
import { formatDoctor } from '../ui/summary/format-doctor.js';

export default class Doctor extends BaseCommand {
  static override summary = 'Look for what is wrong with the server, the registry or the tenants.';
  static override description =
    'Reads only and takes no lock; exit code 1 if anything is wrong. --fix repairs what can be repaired without losing data: ' +
    'it finishes tenants whose creation or deletion was cut off, rebuilds invalid indexes, puts back the triggers of the ' +
    'registry and the primary keys of migrations tables, and has a catalog that grew analyzed.';
  static override examples = [
    '<%= config.bin %> doctor',
    { description: 'Repair what can be repaired', command: '<%= config.bin %> doctor --fix' },
    {
      description: 'The names of what is wrong',
      command: "<%= config.bin %> doctor --json | jq -r '.checks[] | select(.ok | not).name'",
    },
  ];
  static override flags = {
    fix: Flags.boolean({ description: 'Repair what can be repaired without losing data.' }),
    ...changeFlags,
    'lock-wait': runFlags['lock-wait'],
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Doctor);
    const loaded = await this.load(flags, runSettings(flags));
    const { doctor, isHealthy } = await import('../doctor/doctor.js');
    const report = flags.fix
      ? await this.change(loaded, (project, control) => doctor(project, { fix: true, ...control }))
      : await this.read(loaded, (project) => doctor(project));
    const code = signalExitCode() ?? (isHealthy(report) ? EXIT.ok : EXIT.failed);
    return this.print(doctorDocument(report), (context) => formatDoctor(report, context), code);
  }
}
