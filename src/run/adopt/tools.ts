import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';

import { versionOf } from '../../engine/formats/flyway.js';
import { compareVersions, leadingNumber } from '../../engine/formats/versions.js';
import type { MigrationFile } from '../../engine/types.js';
import { migrationName } from '../../util/migration-files.js';
import { flywayChecksum } from './flyway-checksum.js';
import type { HistoryRow, HistoryTool, Match } from './types.js';

/** Drizzle knows a migration by the digest of its file alone. */
const drizzle: HistoryTool = {
  title: 'Drizzle',
  table: '__drizzle_migrations',
  columns: ['hash', 'created_at'],
  formats: ['drizzle'],
  async match(rows, files) {
    const left = new Map<string, string[]>();
    for (const file of files) {
      const digest = await digestOf(file, 'sha256');
      left.set(digest, [...(left.get(digest) ?? []), file.name]);
    }
    return collect(rows, (row) => {
      const name = left.get(text(row, 'hash'))?.shift();
      const when = new Date(Number(text(row, 'created_at')));
      const made = Number.isNaN(when.getTime()) ? '' : `, generated at ${when.toISOString()},`;
      const reason = `no file has the hash ${text(row, 'hash').slice(0, 12)}… of a migration${made} that was applied`;
      return name === undefined ? { problem: reason } : { name };
    });
  },
};

const prisma: HistoryTool = {
  title: 'Prisma',
  table: '_prisma_migrations',
  columns: ['migration_name', 'checksum', 'finished_at', 'rolled_back_at'],
  formats: ['prisma'],
  async match(rows, files) {
    const byName = new Map(files.map((file) => [file.name, file]));
    const digests = new Map<string, string[]>();
    for (const file of files) digests.set(file.name, await digestsOf(file));
    return collect(
      rows.filter((row) => row['rolled_back_at'] === null),
      (row) => {
        const name = text(row, 'migration_name');
        if (row['finished_at'] === null) return { problem: `${name} failed and was not resolved` };
        if (!byName.has(name)) return { problem: `${name} was applied, but there is no file` };
        return digests.get(name)?.includes(text(row, 'checksum')) === true
          ? { name }
          : { problem: `${name} was edited after it was applied` };
      },
    );
  },
};

/** golang-migrate keeps only the last version. */
const golangMigrate: HistoryTool = {
  title: 'golang-migrate',
  table: 'schema_migrations',
  columns: ['version', 'dirty'],
  formats: ['pairs', 'plain'],
  async match(rows, files) {
    const [row] = rows;
    if (row === undefined) return { names: [], problems: [] };
    const version = text(row, 'version');
    if (row['dirty'] === true) return { names: [], problems: [`version ${version} is dirty: it failed halfway`] };
    const before = files.filter((file) => compareVersions(versionAtFront(file), version) <= 0);
    const last = before.at(-1);
    if (last === undefined || compareVersions(versionAtFront(last), version) !== 0) {
      return { names: [], problems: [`version ${version} was applied, but there is no file`] };
    }
    return { names: before.map(({ name }) => name), problems: [] };
  },
};

const dbmate: HistoryTool = {
  title: 'dbmate',
  table: 'schema_migrations',
  columns: ['version'],
  formats: ['dbmate', 'plain', 'pairs'],
  match: async (rows, files) => collect(rows, (row) => byVersion(files, text(row, 'version'))),
};

const sqlx: HistoryTool = {
  title: 'sqlx',
  table: '_sqlx_migrations',
  columns: ['version', 'success', 'checksum'],
  formats: ['pairs', 'plain'],
  async match(rows, files) {
    const digests = new Map<string, string>();
    for (const file of files) digests.set(file.name, await digestOf(file, 'sha384'));
    return collect(rows, (row) => {
      const found = byVersion(files, text(row, 'version'));
      if (row['success'] !== true) return { problem: `version ${text(row, 'version')} failed halfway` };
      if ('problem' in found) return found;
      const { checksum } = row;
      return Buffer.isBuffer(checksum) && checksum.toString('hex') === digests.get(found.name)
        ? found
        : { problem: `${found.name} was edited after it was applied` };
    });
  },
};

/** goose adds a row for each step, back and forth; the last one of a version counts. */
const goose: HistoryTool = {
  title: 'goose',
  table: 'goose_db_version',
  columns: ['id', 'version_id', 'is_applied'],
  formats: ['goose'],
  async match(rows, files) {
    const last = new Map<string, HistoryRow>();
    for (const row of rows.toSorted((one, other) => compareVersions(text(one, 'id'), text(other, 'id')))) {
      last.set(text(row, 'version_id'), row);
    }
    last.delete('0');
    const applied = [...last].filter(([, row]) => row['is_applied'] === true).map(([, row]) => row);
    return collect(applied, (row) => byVersion(files, text(row, 'version_id')));
  },
};

const flyway: HistoryTool = {
  title: 'Flyway',
  table: 'flyway_schema_history',
  columns: ['installed_rank', 'version', 'type', 'script', 'checksum', 'success'],
  formats: ['flyway'],
  async match(rows, files) {
    const names = new Set<string>();
    const problems: string[] = [];
    for (const row of rows.toSorted((one, other) => Number(one['installed_rank']) - Number(other['installed_rank']))) {
      const [type, script] = [text(row, 'type'), basename(text(row, 'script'))];
      const version = row['version'] === null ? undefined : text(row, 'version');
      const upTo = (file: MigrationFile): number => compareVersions(versionOf(basename(file.path)), version ?? '0');
      if (type === 'SCHEMA') continue;
      if (row['success'] !== true) problems.push(`${script} failed and was not repaired`);
      else if (version === undefined) problems.push(`${script} is a repeatable migration, which has no place here`);
      else if (type === 'BASELINE') for (const file of files) if (upTo(file) <= 0) names.add(file.name);
      if (row['success'] !== true || version === undefined || type === 'BASELINE') continue;
      const file = files.find((one) => upTo(one) === 0);
      if (type === 'UNDO_SQL' || type === 'DELETE') names.delete(file?.name ?? '');
      else if (type !== 'SQL') problems.push(`${script} is of the type ${type}, not SQL`);
      else if (file === undefined) problems.push(`${script} was applied, but there is no file`);
      else if (Number(row['checksum']) === flywayChecksum(await readFile(file.path, 'utf8'))) names.add(file.name);
      else problems.push(`${file.name} was edited after it was applied`);
    }
    return { names: [...names], problems };
  },
};

/** Knex keeps the name of the file, which may have been compiled from or to TypeScript since. */
const knex: HistoryTool = {
  title: 'Knex',
  table: 'knex_migrations',
  columns: ['name', 'batch', 'migration_time'],
  formats: ['knex'],
  match: async (rows, files) => collect(rows, (row) => byName(files, migrationName(text(row, 'name')))),
};

const kysely: HistoryTool = {
  title: 'Kysely',
  table: 'kysely_migration',
  columns: ['name', 'timestamp'],
  formats: ['kysely'],
  match: async (rows, files) => collect(rows, (row) => byName(files, text(row, 'name'))),
};

/** A table that has the columns of more than one is that of the first. */
export const HISTORY_TOOLS: readonly HistoryTool[] = [
  drizzle,
  prisma,
  golangMigrate,
  dbmate,
  sqlx,
  goose,
  flyway,
  knex,
  kysely,
];

type Found = { name: string } | { problem: string };

function collect(rows: readonly HistoryRow[], find: (row: HistoryRow) => Found): Match {
  const found = rows.map((row) => find(row));
  return {
    names: found.flatMap((one) => ('name' in one ? [one.name] : [])),
    problems: found.flatMap((one) => ('problem' in one ? [one.problem] : [])),
  };
}

function byVersion(files: readonly MigrationFile[], version: string): Found {
  const file = /^\d+$/.test(version)
    ? files.find((one) => compareVersions(versionAtFront(one), version) === 0)
    : undefined;
  return file === undefined ? { problem: `version ${version} was applied, but there is no file` } : file;
}

function byName(files: readonly MigrationFile[], name: string): Found {
  return files.find((file) => file.name === name) ?? { problem: `${name} was applied, but there is no file` };
}

function versionAtFront({ name }: MigrationFile): string {
  return leadingNumber(name) ?? '0';
}

function text(row: HistoryRow, column: string): string {
  return String(row[column]);
}

async function digestOf({ path }: MigrationFile, algorithm: 'sha256' | 'sha384'): Promise<string> {
  return createHash(algorithm)
    .update(await readFile(path))
    .digest('hex');
}

/** With the line breaks of either kind: Git may have changed them since. */
async function digestsOf({ path }: MigrationFile): Promise<string[]> {
  const written = await readFile(path);
  const unix = written.toString('utf8').replaceAll('\r\n', '\n');
  return [written, unix, unix.replaceAll('\n', '\r\n')].map((content) =>
    createHash('sha256').update(content).digest('hex'),
  );
}
