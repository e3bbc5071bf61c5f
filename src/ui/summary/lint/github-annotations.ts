import type { LintFinding } from '../../../lint/types.js';
import { redact } from '../../../util/redact.js';
import { cleanLines } from '../../text/clean.js';
import { shownPath } from './shown-path.js';

/**
 * Findings as workflow commands of GitHub Actions, which show them beside the lines of a pull request. Values are escaped as in
 * `@actions/core`, so that no text of a migration can add a property or a command.
 *
 * @param folder the checked out repository
 */
export function githubAnnotations(findings: readonly LintFinding[], folder: string): string {
  return findings
    .map(({ severity, rule, file, line, column, message, suggestion, docs }) => {
      const properties = [
        ['file', shownPath(file, folder)],
        ...(line === null ? [] : [['line', String(line)]]),
        ...(column === null ? [] : [['col', String(column)]]),
        ['title', rule],
      ] as [string, string][];
      const shown = properties.map(([name, value]) => `${name}=${escapeProperty(value)}`).join(',');
      return `::${severity} ${shown}::${escapeData(`${message}\n${suggestion}\n${docs}`)}`;
    })
    .join('\n');
}

function escapeData(text: string): string {
  return cleanLines(redact(text)).join('\n').replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
