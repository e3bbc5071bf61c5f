import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { doctorDocument } from '../../cli/documents.js';
import { changeFlags, runFlags } from '../../cli/flags.js';
import { runSettings } from '../../cli/run-settings.js';
import { signalExitCode } from '../../cli/signals.js';
import { EXIT } from '../../errors/codes.js';
import { formatDoctor } from '../../ui/summary/format-doctor.js';

export default class Doctor extends BaseCommand {
  static override summary = 'Check the server, the registry and the tenants for problems.';
  static override description =
    'Only reads, and takes no lock; exits with 1 if a check fails. --fix repairs what can be repaired without losing data: ' +
    'it completes interrupted creations and deletions of tenants, rebuilds invalid indexes, restores the triggers of the ' +
    'registry and the primary keys of migrations tables, and analyzes catalog tables that have grown.';
  static override examples = [
    '<%= config.bin %> doctor',
    { description: 'Repair problems', command: '<%= config.bin %> doctor --fix' },
    {
      description: 'Names of the checks that fail',
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
    const { doctor, isHealthy } = await import('../../doctor/doctor.js');
    const report = flags.fix
      ? await this.change(loaded, (project, control) => doctor(project, { fix: true, ...control }))
      : await this.read(loaded, (project) => doctor(project));
    const code = signalExitCode() ?? (isHealthy(report) ? EXIT.ok : EXIT.failed);
    return this.print(doctorDocument(report), (context) => formatDoctor(report, context), code);
  }
}
