import { expect } from 'vitest';

import { doctor } from '../../src/doctor/doctor.js';
import type { Check, CheckName, DoctorOptions } from '../../src/doctor/types.js';
import type { Project } from '../../src/project/project.js';

/** Runs all checks and finds one of them. */
export async function checkOf(project: Project, name: CheckName, options: DoctorOptions = {}): Promise<Check> {
  return find((await doctor(project, options)).checks, name);
}

/** What is wrong, by name; skipped checks are not among it. */
export async function wrongChecks(project: Project, options: DoctorOptions = {}): Promise<string[]> {
  const { checks } = await doctor(project, options);
  return checks.filter(({ ok, skipped }) => !ok && skipped !== true).map(({ name }) => name);
}

export function find(checks: readonly Check[], name: CheckName): Check {
  const found = checks.find((check) => check.name === name);
  expect(found, name).toBeDefined();
  return found as Check;
}
