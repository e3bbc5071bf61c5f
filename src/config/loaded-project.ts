import type { DatabaseChoice } from '../db/database-config.js';
import type { Hooks } from '../project/hook-types.js';
import type { Project } from '../project/project.js';

/** A project as it is loaded: the database may be missing or still have to be started. */
export type LoadedProject = Omit<Project, 'database'> & {
  database: DatabaseChoice | 'embedded' | undefined;
  /** How long to wait for a database that does not answer yet, in ms. */
  connectWaitMs: number;
  /** Why no flag and no variable names the database, such as `DATABASE_URL is not set.`; `undefined` where one does. */
  databaseVariable: string | undefined;
  /** Absolute path of the file that the configuration comes from; `null` when there is none and the defaults hold. */
  configFile: string | null;
  hooks: Hooks;
  /** Remarks for the user, such as a password file that had to be ignored. */
  warnings: string[];
};
