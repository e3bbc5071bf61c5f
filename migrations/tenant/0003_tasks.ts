import type { MigrationBuilder } from 'node-pg-migrate';

const STATUSES = ['open', 'doing', 'review', 'done'];

export function up(pgm: MigrationBuilder): void {
  pgm.createType('task_status', STATUSES);
  pgm.createTable('tasks', {
    id: 'rowId',
    project_id: { type: 'bigint', notNull: true, references: 'projects', onDelete: 'CASCADE' },
    assignee_id: { type: 'bigint', references: 'members', onDelete: 'SET NULL' },
    title: { type: 'text', notNull: true },
    status: { type: 'task_status', notNull: true, default: 'open' },
    due_on: { type: 'date' },
    created_at: 'timestamp',
    updated_at: 'timestamp',
  });
  pgm.createIndex('tasks', ['project_id', 'status']);
  pgm.createIndex('tasks', 'due_on', { where: "status <> 'done'", name: 'tasks_due' });
  pgm.createTrigger('tasks', 'tasks_touch', {
    when: 'BEFORE',
    operation: 'UPDATE',
    level: 'ROW',
    function: 'touch_updated_at',
  });
}

export function down(pgm: MigrationBuilder): void {
  pgm.dropTable('tasks');
  pgm.dropType('task_status');
}
