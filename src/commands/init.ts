import { relative, resolve } from 'node:path';

import * as Args from '@oclif/core/args';

import { BaseCommand } from '../base-command.js';
import { formatScaffolded } from '../cli/format-scaffolded.js';

export default class Init extends BaseCommand {
  static override summary = 'Write a configuration and the first migrations.';
  static override description =
    'What is there stays as it is: a configuration is respected, and a directory with migrations gets none.';
  static override examples = [
    '<%= config.bin %> init',
    { description: 'In another folder', command: '<%= config.bin %> init my-app' },
  ];
  static override args = {
    dir: Args.string({ ignoreStdin: true, description: 'The project, otherwise the current folder.' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Init);
    const { defaultLayout } = await import('../config/scaffold.js');
    const { findConfig } = await import('../config/find.js');
    const { scaffoldProject } = await import('../cli/scaffold-project.js');
    const root = resolve(args.dir ?? '.');
    // With the folder itself as the end of the search: a configuration further up is another project's.
    const configFile = flags.config === undefined ? await findConfig(root, root) : resolve(flags.config);
    const layout = configFile === null ? defaultLayout(root) : await this.load({ ...flags, config: configFile });
    const result = await scaffoldProject(root, layout, configFile);
    return this.print(result, (context) => formatScaffolded(result, relative(process.cwd(), root), context));
  }
}
