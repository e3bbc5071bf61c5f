/**
 * URL of the module in which a worker starts. Node.js runs JavaScript only: when this file is run from its source, as in the
 * tests, the worker runs the built module.
 */
export function entryUrl(name: 'process-entry' | 'thread-entry' | 'parent-watch'): URL {
  const source = import.meta.url.endsWith('.ts');
  return new URL(source ? `../../../dist/executors/worker/${name}.js` : `../worker/${name}.js`, import.meta.url);
}
