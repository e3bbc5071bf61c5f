import { relative, resolve } from 'node:path';

import * as Args from '@oclif/core/args';

import { BaseCommand } from '../../base-command.js';
import { formatScaffolded } from '../../cli/scaffold/format-scaffolded.js';

export default class Init extends BaseCommand {
  static override summary = 'Create a configuration and the first migrations.';
  static override description =
    'Never overwrites: an existing configuration is kept, and a directory that already contains migrations is left alone.';
  static override examples = [
    '<%= config.bin %> init',
    { description: 'In another directory', command: '<%= config.bin %> init my-app' },
  ];
  static override args = {
    dir: Args.string({ ignoreStdin: true, description: 'Project directory (default: the current one).' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Init);
    const { defaultLayout } = await import('../../config/scaffold.js');
    const { findConfig } = await import('../../config/find.js');
    const { scaffoldProject } = await import('../../cli/scaffold/scaffold-project.js');
    const root = resolve(args.dir ?? '.');
    // The search ends at the directory itself: a configuration further up belongs to another project.
    const configFile = flags.config === undefined ? await findConfig(root, root) : resolve(flags.config);
    const layout = configFile === null ? defaultLayout(root) : await this.load({ ...flags, config: configFile });
    const result = await scaffoldProject(root, layout, configFile);
    return this.print(result, (context) => formatScaffolded(result, relative(process.cwd(), root), context));
  }
}
