import { pathToFileURL } from 'node:url';

import { LINT_RULES, type LintRule } from '../../../lint/rule-names.js';
import type { LintFinding } from '../../../lint/types.js';
import { redactDeep } from '../../../util/redact.js';
import { shownPath } from './shown-path.js';

/**
 * Findings as SARIF 2.1.0, the form that code scanning takes.
 *
 * @param folder the checked out repository, to which addresses of files are relative
 */
export function sarifLog(findings: readonly LintFinding[], folder: string): unknown {
  const rules = [...new Set(findings.map(({ rule }) => rule))].sort();
  return redactDeep({
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'pg-tenants',
            informationUri: 'https://www.npmjs.com/package/pg-tenants',
            rules: rules.map((rule) => descriptor(rule, findings)),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => result(finding, rules.indexOf(finding.rule), folder)),
      },
    ],
  });
}

function descriptor(rule: LintRule, findings: readonly LintFinding[]): unknown {
  const { finds, level } = LINT_RULES[rule];
  const docs = findings.find((finding) => finding.rule === rule)?.docs;
  return {
    id: rule,
    shortDescription: { text: finds },
    ...(docs === undefined ? {} : { helpUri: docs }),
    defaultConfiguration: level === 'off' ? { enabled: false } : { level },
  };
}

function result(finding: LintFinding, ruleIndex: number, folder: string): unknown {
  const { rule, severity, message, suggestion, file, line, column } = finding;
  const region = line === null ? undefined : { startLine: line, ...(column === null ? {} : { startColumn: column }) };
  return {
    ruleId: rule,
    ruleIndex,
    level: severity,
    message: { text: `${message} ${suggestion}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: artifact(file, folder),
          ...(region === undefined ? {} : { region }),
        },
      },
    ],
  };
}

function artifact(file: string, folder: string): { uri: string; uriBaseId?: string } {
  const path = shownPath(file, folder);
  if (path === file) return { uri: pathToFileURL(file).href };
  return { uri: path.split('/').map(encodeURIComponent).join('/'), uriBaseId: '%SRCROOT%' };
}
