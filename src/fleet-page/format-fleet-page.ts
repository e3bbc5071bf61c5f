import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import type { FleetPage } from './types.js';

/**
 * The parts of the page's script, in the order in which they need each other. In the page they are one script: `import` and
 * `export` are for editors and the type check, and are taken out.
 */
const SCRIPTS = [
  'elements.js',
  'words.js',
  'model.js',
  'details.js',
  'map-layout.js',
  'paint-map.js',
  'tenant-table.js',
  'fleet-map.js',
  'staircase.js',
  'runs.js',
  'last-run.js',
  'failures.js',
  'page.js',
];

/**
 * The page: one HTML file that needs no network. Everything that comes from the database is in one block of JSON, in which `<`
 * is escaped, and the script makes text nodes of it; the page's policy lets no other script and no other style run. Pure, but
 * for the script and the style, which are files beside this one.
 */
export function formatFleetPage(page: FleetPage): string {
  const [script, style] = [pageScript(), asset('page.css')];
  const policy = [
    "default-src 'none'",
    `script-src '${hash(script)}'`,
    `style-src '${hash(style)}'`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>Fleet</title>
<style>${style}</style>
</head>
<body>
<noscript><p>This page needs JavaScript: it draws what it contains as data.</p></noscript>
<main id="page"></main>
<script type="application/json" id="data">${jsonForHtml(page)}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** JSON that cannot end the element that it is in, nor begin a comment. */
export function jsonForHtml(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', String.raw`\u003c`);
}

function pageScript(): string {
  const parts = SCRIPTS.map((name) =>
    asset(name)
      .replaceAll(/^import [^;]*;\n/gm, '')
      .replaceAll(/^export (?=function|const|class|async)/gm, ''),
  );
  return `(() => {\n'use strict';\n${parts.join('\n')}\n})();`;
}

function asset(name: string): string {
  return readFileSync(new URL(`./browser/${name}`, import.meta.url), 'utf8');
}

/** Of the text as it is between the tags. */
function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
