import type { Project } from '../../project/project.js';
import type { Prepared } from '../of-run.js';
import type { StopSign } from '../stop-sign.js';
import type { DryRunRecord } from './record.js';
import type { Sample } from './types.js';

/** What the phases of a dry run share. */
export type DryRun = Prepared & {
  project: Project;
  sample: Sample;
  record: DryRunRecord;
  stop: StopSign;
  cancel: AbortSignal;
};
