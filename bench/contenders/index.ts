import { withClient } from '../database.js';
import type { Options } from '../options.js';
import { floors } from './floor.js';
import { commandLines, runner } from './node-pg-migrate.js';
import { findPsql, psqlContenders } from './psql.js';
import { startUps } from './start-up.js';
import { commands, inProcess } from './tenants.js';
import type { Contender } from './types.js';

/** Everyone who can be measured here: without psql where there is none, without XML where the server has none. */
export async function findContenders(options: Options, url: string): Promise<Contender[]> {
  const psql = await findPsql();
  const all = [
    ...floors(),
    ...(psql === undefined ? [] : psqlContenders(psql)),
    ...commands(options.executors),
    inProcess(),
    runner(),
    ...(options.commandLine ? commandLines(options.sample, options.connections) : []),
    ...startUps(),
  ];
  const xml = await hasXml(url);
  return all.filter(
    ({ name }) =>
      (xml || !name.includes('xml')) &&
      (options.only.length === 0 || options.only.some((word) => name.toLowerCase().includes(word.toLowerCase()))),
  );
}

async function hasXml(url: string): Promise<boolean> {
  return await withClient(url, async (client) => {
    const found = client.query("SELECT query_to_xml('SELECT 1', false, true, '')").then(
      () => true,
      () => false,
    );
    return await found;
  });
}
