/** How many failures are printed as they happen, so that a broken migration does not flood the terminal or a log. */
const LIMIT = 100;

/** Prints the first lines, then says once that further failures are only counted. */
export function limitFailures(print: (line: string) => void): (line: string) => void {
  let printed = 0;
  return (line) => {
    printed++;
    if (printed <= LIMIT) print(line);
    if (printed === LIMIT + 1) print('Further failures are only counted here; the summary lists all of them.');
  };
}
