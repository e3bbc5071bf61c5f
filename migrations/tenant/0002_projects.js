/**
 * Shorthands: a column written as `id: 'rowId'`, here and in all later files.
 *
 * @type {import('node-pg-migrate').ColumnDefinitions}
 */
export const shorthands = {
  rowId: { type: 'bigint', primaryKey: true, sequenceGenerated: { precedence: 'ALWAYS' } },
  money: { type: 'numeric(12,2)', notNull: true, default: 0 },
  timestamp: {
    type: 'timestamptz',
    notNull: true,
    default: { literal: true, value: 'now()', toString: () => 'now()' },
  },
};

/** @param {import('node-pg-migrate').MigrationBuilder} pgm */
export function up(pgm) {
  pgm.createTable(
    'projects',
    {
      id: 'rowId',
      name: { type: 'text', notNull: true, check: "name <> ''" },
      client_name: { type: 'text' },
      lead_id: { type: 'bigint', references: 'members', onDelete: 'SET NULL' },
      budget: 'money',
      archived: { type: 'boolean', notNull: true, default: false },
      created_at: 'timestamp',
      updated_at: 'timestamp',
    },
    { comment: 'What the customer works on, and for whom' },
  );
  pgm.createIndex('projects', 'lead_id');
  pgm.createTrigger('projects', 'projects_touch', {
    when: 'BEFORE',
    operation: 'UPDATE',
    level: 'ROW',
    // Of the shared schema, found through the search path.
    function: 'touch_updated_at',
  });
}

/** @param {import('node-pg-migrate').MigrationBuilder} pgm */
export function down(pgm) {
  pgm.dropTable('projects');
}
