import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { node, REPOSITORY, runProgram } from '../run-program.js';
import { type ReadyMade, surveyByUnion, surveyByXml, transactions } from './ready-made.js';
import { APPLYING, type Contender, LOOKING, type Task } from './types.js';

const PROGRAM = path.join(REPOSITORY, 'bench', 'programs', 'floor.js');

/** A minimal program that sends ready-made SQL: less cannot be done from Node.js. */
export function floors(): Contender[] {
  return [
    floor('ready-made SQL, Node.js', APPLYING, transactions),
    floor('hand-written survey, UNION ALL, Node.js', LOOKING, surveyByUnion),
    floor('hand-written survey, query_to_xml, Node.js', LOOKING, surveyByXml),
  ];
}

function floor(name: string, scenarios: Contender['scenarios'], make: (task: Task) => ReadyMade): Contender {
  return {
    name,
    role: 'floor',
    scenarios,
    prepare: async (task) => {
      const input = path.join(task.scratch, 'floor.json');
      await writeFile(input, JSON.stringify({ url: task.url, connections: task.connections, ...make(task) }));
      return () => runProgram(node(PROGRAM, [input], REPOSITORY));
    },
  };
}
