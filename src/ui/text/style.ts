/** Colors and weights by meaning of the ANSI code; each function returns its text unchanged when color is off. */
export type Style = Record<keyof typeof CODES, (text: string) => string>;

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

/** Styles for one stream. Pass cleaned text: styles do not remove escape sequences. */
export function createStyle(color: boolean): Style {
  const paint = ([open, close]: readonly [number, number]) => {
    return (text: string) => (color && text !== '' ? `\u001B[${open}m${text}\u001B[${close}m` : text);
  };
  return {
    bold: paint(CODES.bold),
    dim: paint(CODES.dim),
    red: paint(CODES.red),
    green: paint(CODES.green),
    yellow: paint(CODES.yellow),
    cyan: paint(CODES.cyan),
  };
}
