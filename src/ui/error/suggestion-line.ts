import type { Style } from '../text/style.js';

/** `Try: …` for an advice; a question, such as `Did you mean "acme"?`, stands for itself. */
export function suggestionLine(text: string, style: Style): string {
  return text.endsWith('?') ? text : `${style.cyan('Try:')} ${text}`;
}
