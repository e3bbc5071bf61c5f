import { z } from 'zod';

import { ROWS, SETTING_FORM } from '../registry/names.js';
import { identifier } from './fields.js';

const ACCEPTED = "expected the name of a setting with a dot, such as 'app.tenant_id'";

/** How tenants are kept that share tables. */
export const rowsSchema = z
  .strictObject({
    column: identifier().default(ROWS.column).describe('Column of the shared tables that says whose a row is.'),
    key: identifier().optional().describe('Column of the tenant table that it refers to.'),
    setting: z
      .string({ error: ACCEPTED })
      .regex(SETTING_FORM, { error: ACCEPTED })
      .default(ROWS.setting)
      .describe('Setting that says which tenant a transaction is about.'),
    schema: identifier().optional().describe('Schema of the tables that tenants share.'),
  })
  .prefault({});
