import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { REPOSITORY } from './build.js';

/** A section of a page: what stands between its heading and the next one of the same level or above. */
export type Section = {
  text: string;
  /** The first block of code in a language; throws when there is none. */
  block(language: string): string;
  /** The commands of its blocks of console sessions. */
  commands(): string[];
};

/** A page of the documentation, by sections. */
export function readPage(page: string): { section(heading: string): Section } {
  const text = readFileSync(join(REPOSITORY, page), 'utf8');
  return {
    section(heading) {
      const [, level = ''] = new RegExp(`^(#+) ${heading}$`, 'm').exec(text) ?? [];
      const start = text.indexOf(`${level} ${heading}\n`);
      if (level === '' || start < 0) throw new Error(`${page} has no section "${heading}".`);
      const rest = text.slice(start + level.length + heading.length + 1);
      const end = rest.search(new RegExp(`^#{1,${level.length}} `, 'm'));
      return sectionOf(end < 0 ? rest : rest.slice(0, end), `${page}, ${heading}`);
    },
  };
}

function sectionOf(text: string, where: string): Section {
  return {
    text,
    block(language) {
      const [, code] = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'm').exec(text) ?? [];
      if (code === undefined) throw new Error(`${where} has no block of ${language}.`);
      return code;
    },
    commands() {
      const blocks = [...text.matchAll(/^```console\n([^]*?)^```$/gm)].map(([, code = '']) => code);
      return blocks.flatMap((code) => code.split('\n').flatMap((line) => /^\$ (.*)$/.exec(line)?.[1] ?? []));
    },
  };
}
