/** What `tenants.format` and `shared.format` may say. */
export const MIGRATIONS_FORMATS = ['node-pg-migrate', 'drizzle', 'prisma', 'sql', 'auto'] as const;

/** The format of a migrations directory, as configured. */
export type MigrationsFormat = (typeof MIGRATIONS_FORMATS)[number];

/** A format that is not node-pg-migrate's own. */
export type OtherFormat = Exclude<MigrationsFormat, 'node-pg-migrate'>;
