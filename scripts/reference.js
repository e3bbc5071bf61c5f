// Writes the parts of the documentation that the build knows best: all commands and flags, and all configuration keys.
// With --check nothing is written, and a page that is not up to date is an error.
import { readFile, writeFile } from 'node:fs/promises';

import { COMMANDS } from '../dist/commands/index.js';
import { configSchema } from '../dist/config/schema.js';
import { SETTINGS, variableName } from '../dist/config/settings.js';

/** The part that each page has between markers of the same name. */
const PAGES = {
  'docs/commands.md': { name: 'commands', part: commands },
  'docs/configuration.md': { name: 'configuration', part: configuration },
};

process.exitCode = await main(process.argv.includes('--check'));

async function main(checks) {
  let code = 0;
  for (const [page, { name, part }] of Object.entries(PAGES)) {
    const file = new URL(`../${page}`, import.meta.url);
    const present = await readFile(file, 'utf8');
    const wanted = replacePart(page, present, name, part());
    if (wanted === present) continue;
    if (checks) {
      process.stderr.write(`${page} is not up to date; write it with: npm run reference\n`);
      code = 1;
    } else {
      await writeFile(file, wanted);
      process.stdout.write(`${page} is written.\n`);
    }
  }
  return code;
}

/** `text` with `part` between the markers of that name. */
function replacePart(page, text, name, part) {
  const [opening, closing] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [start, end] = [text.indexOf(opening), text.indexOf(closing)];
  if (start === -1 || end < start) throw new Error(`${page} lacks the markers ${opening} and ${closing}.`);
  return `${text.slice(0, start)}${opening}\n\n${part}\n\n${text.slice(end)}`;
}

function commands() {
  const entries = Object.entries(COMMANDS);
  const { baseFlags } = entries[0][1];
  return [
    table(
      ['command', 'does'],
      entries.map(([name, command]) => [code(usage(name, command)), command.summary]),
    ),
    'Every command takes these:',
    table(['flag', 'meaning'], flagRows(baseFlags)),
    'Other flags:',
    table(['flag', 'meaning', 'of'], commandFlagRows(entries)),
  ].join('\n\n');
}

/** `create-tenant NAME [DOMAIN]`. */
function usage(name, { args, usage: written }) {
  if (written !== undefined) return written.replace(' [FLAGS]', '');
  const words = Object.entries(args ?? {}).map(([arg, { required }]) =>
    required ? arg.toUpperCase() : `[${arg.toUpperCase()}]`,
  );
  return [name, ...words].join(' ');
}

/** A row for each flag, with the commands that have it; one that means something else elsewhere has a row for each meaning. */
function commandFlagRows(entries) {
  const rows = new Map();
  for (const [name, { flags }] of entries) {
    for (const [flag, meaning] of flagRows(flags ?? {})) {
      const key = JSON.stringify([flag, meaning]);
      rows.set(key, [...(rows.get(key) ?? []), code(name)]);
    }
  }
  const found = [...rows].map(([key, names]) => [...JSON.parse(key), names.join(', ')]);
  const order = found.map(([flag]) => nameOf(flag));
  // The meanings of a flag stand together, where the first of them is.
  return found.toSorted(([a], [b]) => order.indexOf(nameOf(a)) - order.indexOf(nameOf(b)));
}

function nameOf(flag) {
  return flag.match(/--[\w-]+/)[0];
}

function flagRows(flags) {
  return Object.entries(flags).map(([name, { type, helpValue, multiple, description }]) => {
    const value = type === 'boolean' ? '' : ` ${helpValue ?? 'VALUE'}${multiple ? '…' : ''}`;
    return [code(`--${name}${value}`), description];
  });
}

function configuration() {
  const variables = new Map(
    Object.entries(SETTINGS).map(([name, setting]) => [
      setting.path.join('.'),
      [variableName(name), ...(setting.variables ?? [])].map(code).join(', then '),
    ]),
  );
  const rows = keys(configSchema, []).map(({ key, value, description }) => [
    code(key),
    value === undefined ? '–' : code(literal(value)),
    description,
    variables.get(key) ?? '',
  ]);
  return table(['key', 'default', 'meaning', 'variable'], rows);
}

/** The keys that are documented, in their order; those of an object without a description of its own follow one by one. */
function keys(schema, path) {
  return Object.entries(schema.shape).flatMap(([name, field]) => {
    const key = [...path, name];
    const { inner, value } = unwrap(field);
    if (field.description !== undefined) return [{ key: key.join('.'), value, description: field.description }];
    if (inner.shape !== undefined) return keys(inner, key);
    throw new Error(`The configuration's schema says nothing about ${key.join('.')}.`);
  });
}

/** What a field is without the layers that say what to take when it is missing, and what that is. */
function unwrap(field) {
  const { type, innerType, defaultValue } = field.def;
  if (!['default', 'prefault', 'optional'].includes(type)) return { inner: field, value: undefined };
  const { inner, value } = unwrap(innerType);
  return { inner, value: type === 'optional' ? value : defaultValue };
}

function literal(value) {
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
}

function code(text) {
  return `\`${text}\``;
}

/** A table as the formatter leaves it: cells as wide as the widest of their column. */
function table(header, rows) {
  const cells = [header, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', String.raw`\|`)));
  const widths = header.map((_, column) => Math.max(3, ...cells.map((row) => [...row[column]].length)));
  const line = (row) =>
    `| ${row.map((cell, column) => cell + ' '.repeat(widths[column] - [...cell].length)).join(' | ')} |`;
  return [line(cells[0]), line(widths.map((width) => '-'.repeat(width))), ...cells.slice(1).map(line)].join('\n');
}
