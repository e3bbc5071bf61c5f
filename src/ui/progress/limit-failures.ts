/** How many failures are printed as they happen; a broken migration must not bury the terminal or a log. */
const LIMIT = 100;

/** Lets the first lines through and says once that the rest is only counted. */
export function limitFailures(print: (line: string) => void): (line: string) => void {
  let printed = 0;
  return (line) => {
    printed++;
    if (printed <= LIMIT) print(line);
    if (printed === LIMIT + 1) print('Further failures are only counted here; the summary has them all.');
  };
}
