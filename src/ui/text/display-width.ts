/** Created on first use, because creating it takes longer than printing everything else. */
let segmenter: Intl.Segmenter | undefined;

/** Columns that a plain text takes on a terminal: 2 for wide characters and emoji, 0 for combining characters. */
export function displayWidth(text: string): number {
  if (isPlainAscii(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes(text)) width += graphemeWidth(segment);
  return width;
}

/** Shortens a plain text to a number of columns including an ellipsis; never splits a character. */
export function truncate(text: string, columns: number): string {
  if (columns <= 0) return '';
  if (isPlainAscii(text)) return text.length <= columns ? text : `${text.slice(0, columns - 1)}…`;
  let width = 0;
  let kept = '';
  let fits = '';
  for (const { segment } of graphemes(text)) {
    width += graphemeWidth(segment);
    if (width > columns) return `${fits}…`;
    kept += segment;
    if (width <= columns - 1) fits = kept;
  }
  return text;
}

/** Pads a plain text with spaces to a number of columns. */
export function pad(text: string, columns: number, side: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, columns - displayWidth(text)));
  return side === 'left' ? text + space : space + text;
}

function graphemes(text: string): Iterable<Intl.SegmentData> {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return segmenter.segment(text);
}

function isPlainAscii(text: string): boolean {
  return /^[\u0020-\u007E]*$/.test(text);
}

function graphemeWidth(grapheme: string): number {
  if (/^[\p{Mark}\p{Default_Ignorable_Code_Point}]+$/u.test(grapheme)) return 0;
  if (/\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F/u.test(grapheme)) return 2;
  return WIDE.test(grapheme) ? 2 : 1;
}

/** East Asian Wide and Fullwidth blocks of Unicode's EastAsianWidth.txt, without emoji, which are matched by property. */
const WIDE =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\u33FF\u3400-\u4DBF\u4E00-\u9FFF\uA000-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{17000}-\u{18AFF}\u{1B000}-\u{1B2FF}\u{20000}-\u{3FFFD}]/u;
