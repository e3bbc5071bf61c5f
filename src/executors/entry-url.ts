/**
 * Where the code of a worker begins. Node.js runs JavaScript only: when this file itself is run from its source, as in the
 * tests, the worker is the built one.
 */
export function entryUrl(name: 'process-entry' | 'thread-entry' | 'parent-watch'): URL {
  const source = import.meta.url.endsWith('.ts');
  return new URL(source ? `../../dist/executors/${name}.js` : `./${name}.js`, import.meta.url);
}
