import type { MigrationBuilder } from 'node-pg-migrate';

export function up(pgm: MigrationBuilder): void {
  pgm.createTable('time_entries', {
    id: 'rowId',
    task_id: { type: 'bigint', notNull: true, references: 'tasks', onDelete: 'CASCADE' },
    member_id: { type: 'bigint', notNull: true, references: 'members' },
    worked_on: { type: 'date', notNull: true },
    minutes: { type: 'integer', notNull: true, check: 'minutes BETWEEN 1 AND 1440' },
    hourly_rate: 'money',
    // An hour is billed once: NULL until it stands on an invoice.
    invoice_id: { type: 'bigint', references: 'invoices', onDelete: 'SET NULL' },
    created_at: 'timestamp',
  });
  pgm.createIndex('time_entries', ['member_id', 'worked_on']);
  pgm.createIndex('time_entries', 'task_id', { where: 'invoice_id IS NULL', name: 'time_entries_unbilled' });
}

export function down(pgm: MigrationBuilder): void {
  pgm.dropTable('time_entries');
}
