export { analyzeSql } from './analyze.js';
export { assertDirectSql } from './direct.js';
export { formatRefusals } from './format-refusals.js';
export { needsNoTransaction } from './outside-transaction.js';
export { loadSqlParser } from './parser.js';
export { parseQuery, type QueryStatement } from './query.js';
export type { Analysis, CreatedName, Refusal, RefusalKind, SqlContext } from './types.js';
