/** @param {import('node-pg-migrate').MigrationBuilder} pgm */
export function up(pgm) {
  pgm.createView(
    'open_invoices',
    {},
    `
      SELECT i.id, i.number, p.name AS project, p.client_name, i.total, c.code AS currency, c.minor_units,
             i.due_on, i.due_on < current_date AS overdue
        FROM invoices i
        JOIN projects p ON p.id = i.project_id
        JOIN currencies c ON c.code = i.currency
       WHERE i.status = 'sent'`,
  );
}

/** @param {import('node-pg-migrate').MigrationBuilder} pgm */
export function down(pgm) {
  pgm.dropView('open_invoices');
}
