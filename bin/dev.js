#!/usr/bin/env node
// The command line from its sources, without a build.
import { fileURLToPath } from 'node:url';

import { createJiti } from 'jiti';

const jiti = createJiti(import.meta.url);
const { main } = await jiti.import('../src/cli/main.ts');

/** oclif imports modules by itself and knows JavaScript only, so that it gets the commands from this file. */
export const { COMMANDS } = await jiti.import('../src/commands/index.ts');

void main(process.argv.slice(2), fileURLToPath(import.meta.url)).then((code) => process.exit(code));
