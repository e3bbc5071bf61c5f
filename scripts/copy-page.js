// Takes the script and the style of the page about the fleet along into dist: they run in a browser, as they are.
import { cpSync } from 'node:fs';

cpSync(new URL('../src/fleet-page/browser', import.meta.url), new URL('../dist/fleet-page/browser', import.meta.url), {
  recursive: true,
});
