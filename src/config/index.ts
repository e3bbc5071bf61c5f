export { describeDatabase, parseDatabase, requireDatabase, type DatabaseOptions } from './database.js';
export {
  defineConfig,
  type DomainTable,
  type Duration,
  type TenantsConfig,
  type TenantTable,
} from './define-config.js';
export { CONFIG_NAMES, findConfig } from './find.js';
export { loadProject, type LoadOptions } from './load.js';
export type { LoadedProject } from './project.js';
export { configSchema } from './schema.js';
export { flagName, SETTING_NAMES, variableName, type SettingName, type SettingOverrides } from './settings.js';
