import { spawn } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';

import { TenantsError } from '../../errors/tenants-error.js';

/**
 * Absolute paths of the files that differ from a git revision in the working tree, new ones included; deleted ones are left out.
 *
 * @param folder a folder of the repository
 * @throws TenantsError USAGE when git is not installed, the folder is in no repository, or there is no such revision.
 */
export async function changedFiles(folder: string, revision: string): Promise<Set<string>> {
  const inside = await git(folder, ['rev-parse', '--show-toplevel']);
  if (inside.code !== 0) {
    throw new TenantsError('USAGE', `--since needs a git repository, and ${folder} is in none.`, {
      suggestions: ['Run the command in a clone of the repository, or name the files to look at.'],
    });
  }
  const root = await realpath(inside.stdout.replace(/\r?\n$/, ''));
  const commit = await git(folder, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`]);
  if (commit.code !== 0) {
    throw new TenantsError('USAGE', `The repository has no revision "${revision}".`, {
      suggestions: [
        'Check the name. A shallow clone lacks older commits and other branches: in GitHub Actions, check out with fetch-depth: 0.',
      ],
    });
  }
  const changed = await names(root, [
    'diff',
    '--name-only',
    '--no-renames',
    '--diff-filter=d',
    '-z',
    commit.stdout.trim(),
    '--',
  ]);
  const added = await names(root, ['ls-files', '--others', '--exclude-standard', '-z']);
  return new Set([...changed, ...added].map((name) => join(root, name)));
}

async function names(folder: string, args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await git(folder, args);
  if (code === 0) return stdout.split('\0').filter((name) => name !== '');
  throw new TenantsError('USAGE', `git ${args[0] ?? ''} failed: ${stderr.trim().split('\n')[0] ?? ''}`);
}

/** Without a shell, so that no revision is more than an argument. */
function git(cwd: string, args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => void (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => void (stderr += text));
    child.on('error', (cause) => {
      const suggestions = ['Install git, or name the files to look at.'];
      reject(new TenantsError('USAGE', '--since needs git, which was not found.', { suggestions, cause }));
    });
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
