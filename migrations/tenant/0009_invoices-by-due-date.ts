import type { MigrationBuilder } from 'node-pg-migrate';

/**
 * Invoices are written to all day, so the index is built without locking them out. That cannot be done in a transaction.
 *
 * In an SQL file `-- tenants: no-transaction` asks for the same; node-pg-migrate's own command line does not know that
 * comment, and this file works with both.
 */
export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction();
  pgm.createIndex('invoices', ['status', 'due_on'], { name: 'invoices_by_due_date', concurrently: true });
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction();
  pgm.dropIndex('invoices', ['status', 'due_on'], { name: 'invoices_by_due_date', concurrently: true });
}
