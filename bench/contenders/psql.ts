import { access, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { type Outcome, runProgram } from '../run-program.js';
import { type ReadyMade, surveyByUnion, surveyByXml, transactions } from './ready-made.js';
import { APPLYING, type Contender, LOOKING, type Task } from './types.js';

/** psql with ready-made files, one for each connection: it sends statement by statement and waits for each answer. */
export function psqlContenders(psql: string): Contender[] {
  return [
    contender('ready-made SQL, psql', APPLYING, psql, transactions),
    contender('hand-written survey, UNION ALL, psql', LOOKING, psql, surveyByUnion),
    contender('hand-written survey, query_to_xml, psql', LOOKING, psql, surveyByXml),
  ];
}

function contender(
  name: string,
  scenarios: Contender['scenarios'],
  psql: string,
  make: (task: Task) => ReadyMade,
): Contender {
  return {
    name,
    role: 'peer',
    scenarios,
    prepare: async (task) => {
      const { texts, body } = make(task);
      const lanes = Math.min(task.connections, texts.length);
      const files = Array.from({ length: lanes }, (_, lane) => path.join(task.scratch, `lane${lane}.sql`));
      for (const [lane, file] of files.entries()) {
        const own = texts.filter((_, index) => index % lanes === lane);
        await writeFile(file, own.map((text) => text + body).join(''));
      }
      return () =>
        together(
          files.map((file) => [...ARGUMENTS, '-f', file, task.url]),
          psql,
          task.scratch,
        );
    },
  };
}

const ARGUMENTS = ['-X', '-q', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1'];

async function together(all: string[][], command: string, cwd: string): Promise<Outcome> {
  const begun = performance.now();
  await Promise.all(all.map((args) => runProgram({ command, args, cwd })));
  return { ms: performance.now() - begun };
}

/** psql on the path, or the newest of Debian's. `undefined`: there is none. */
export async function findPsql(): Promise<string | undefined> {
  const debian = '/usr/lib/postgresql';
  const versions = (await readdir(debian).catch(() => [])).sort((a, b) => Number(b) - Number(a));
  const folders = [
    ...versions.map((version) => path.join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(path.delimiter),
  ];
  for (const folder of folders) {
    const file = path.join(folder, 'psql');
    if (
      folder !== '' &&
      (await access(file).then(
        () => true,
        () => false,
      ))
    ) {
      return file;
    }
  }
  return undefined;
}
