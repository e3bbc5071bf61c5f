// Puts the libraries that only the command line uses into a few files of dist/libraries, and lets the built code import those:
// to find, read and compile some 200 small files takes longer than most commands do.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { rolldown } from 'rolldown';

/** No value of theirs meets the user's code, so that a second copy in the project does no harm. */
const BUNDLED = ['@oclif/core', 'zod'];

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const OUT = join(DIST, 'libraries');
const IMPORT = /^(import (?:(\* as \w+)|\{([^}]*)\}) from )'([^'.][^']*)';$/gm;

const files = (await readdir(DIST, { recursive: true }))
  .filter((name) => name.endsWith('.js'))
  .map((name) => join(DIST, name));
const texts = new Map(
  await Promise.all(files.map(async (file) => /** @type {const} */ ([file, await readFile(file, 'utf8')]))),
);
const entries = await findEntries();
await mkdir(OUT, { recursive: true });
const packages = await bundle();
await Promise.all([rewriteImports(), writeLicenses(packages)]);

/** What is imported from each module of the libraries. */
async function findEntries() {
  /** @type {Map<string, Set<string>>} */
  const found = new Map();
  for (const text of texts.values()) {
    for (const [, , namespace, named, specifier] of text.matchAll(IMPORT)) {
      if (!isBundled(specifier)) continue;
      const names = namespace === undefined ? namesIn(named) : Object.keys(await import(specifier)).filter(isName);
      found.set(specifier, new Set([...(found.get(specifier) ?? []), ...names]));
    }
  }
  return found;
}

/** @returns {Promise<Set<string>>} the folders of the packages that went in */
async function bundle() {
  const fileOf = new Map([...entries.keys()].map((specifier) => [specifier, `entry:${specifier}`]));
  const build = await rolldown({
    input: Object.fromEntries([...fileOf].map(([specifier, id]) => [entryName(specifier), id])),
    platform: 'node',
    // TypeScript is asked for by name at run time, where a project has it.
    external: ['typescript'],
    plugins: [
      {
        name: 'entries',
        resolveId: (id) => (id.startsWith('entry:') ? id : undefined),
        load: (id) => {
          if (!id.startsWith('entry:')) return undefined;
          const specifier = id.slice('entry:'.length);
          return `export { ${[...(entries.get(specifier) ?? [])].join(', ')} } from ${JSON.stringify(specifier)};`;
        },
      },
    ],
  });
  const { output } = await build.write({
    dir: OUT,
    format: 'esm',
    chunkFileNames: 'common-[hash].js',
    comments: { legal: true },
  });
  const modules = output.flatMap((chunk) => ('moduleIds' in chunk ? chunk.moduleIds : []));
  return new Set(modules.flatMap((id) => packageFolder(id) ?? []));
}

async function rewriteImports() {
  for (const [file, text] of texts) {
    const changed = text.replaceAll(IMPORT, (line, head, _namespace, _named, specifier) => {
      if (!isBundled(specifier)) return line;
      const path = relative(dirname(file), join(OUT, `${entryName(specifier)}.js`))
        .split(sep)
        .join('/');
      return `${head}'${path.startsWith('.') ? path : `./${path}`}';`;
    });
    if (changed !== text) await writeFile(file, changed);
  }
}

/** Their licenses ask that their texts come along. */
async function writeLicenses(folders) {
  const parts = await Promise.all(
    [...folders].map(async (folder) => {
      const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
      const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
      const text = file === undefined ? '' : await readFile(join(folder, file), 'utf8');
      return `${name} ${version} (${license})\n\n${text.trim()}\n`;
    }),
  );
  await writeFile(join(OUT, 'LICENSES.txt'), parts.toSorted().join(`\n${'-'.repeat(80)}\n\n`));
}

function isBundled(specifier) {
  return BUNDLED.some((name) => specifier === name || specifier.startsWith(`${name}/`));
}

function namesIn(list) {
  return list
    .split(',')
    .map((name) => name.trim().split(' as ')[0])
    .filter((name) => name !== '');
}

function isName(name) {
  return name !== 'default' && /^[\w$]+$/.test(name) && name !== 'module.exports';
}

function entryName(specifier) {
  return specifier.replace(/^@/, '').replaceAll('/', '-');
}

function packageFolder(id) {
  return /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(id)?.[1];
}
