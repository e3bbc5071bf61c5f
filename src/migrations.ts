/**
 * `pg-tenants/migrations`: the types that migrations in TypeScript need. They are node-pg-migrate's, which a project does not
 * have to install: pnpm and Yarn let it import its own dependencies only.
 */
export type { ColumnDefinition, ColumnDefinitions, MigrationBuilder, Name } from 'node-pg-migrate';
