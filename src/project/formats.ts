/** What `tenants.format` and `shared.format` may say. */
export const MIGRATIONS_FORMATS = ['node-pg-migrate', 'drizzle', 'prisma', 'sql', 'knex', 'kysely', 'auto'] as const;

/** The format of a migrations directory, as configured; any other text is the path of a module. */
export type MigrationsFormat = (typeof MIGRATIONS_FORMATS)[number] | (string & {});

/** A format that is not node-pg-migrate's own. */
export type OtherFormat = Exclude<(typeof MIGRATIONS_FORMATS)[number], 'node-pg-migrate'> | (string & {});
