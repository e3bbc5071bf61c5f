import { isAbsolute, relative, sep } from 'node:path';

/** A file as it is shown: relative to a folder, with `/`, where it lies in it. */
export function shownPath(file: string, folder: string): string {
  const way = relative(folder, file);
  const isInside = way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
  return isInside ? way.replaceAll(sep, '/') : file;
}
