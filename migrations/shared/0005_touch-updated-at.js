/**
 * A trigger function for all tenants. It names no table, so it does not matter whose search path it runs under.
 *
 * @param {import('node-pg-migrate').MigrationBuilder} pgm
 */
export function up(pgm) {
  pgm.createFunction(
    'touch_updated_at',
    [],
    { returns: 'trigger', language: 'plpgsql' },
    `
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
`,
  );
}

/** @param {import('node-pg-migrate').MigrationBuilder} pgm */
export function down(pgm) {
  pgm.dropFunction('touch_updated_at', []);
}
