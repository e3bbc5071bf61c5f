/**
 * Gives every project a slug for its address, made from its name.
 *
 * What has to be written depends on the tenant's rows and on a little JavaScript, so the migration asks the database while
 * it runs. This makes it a *direct* migration: its SQL is not known beforehand, and it is run for one tenant after another
 * by node-pg-migrate itself. Prefer plain SQL where it can do the same.
 *
 * @param {import('node-pg-migrate').MigrationBuilder} pgm
 */
export async function up(pgm) {
  await pgm.db.query('ALTER TABLE projects ADD COLUMN slug text');
  const { rows } = await pgm.db.query('SELECT id, name FROM projects ORDER BY id');
  const taken = new Set();
  for (const { id, name } of rows) {
    const slug = freeSlug(name, taken);
    taken.add(slug);
    await pgm.db.query('UPDATE projects SET slug = $1 WHERE id = $2', [slug, id]);
  }
  pgm.alterColumn('projects', 'slug', { notNull: true });
  pgm.addConstraint('projects', 'projects_slug_key', { unique: 'slug' });
}

/** @param {import('node-pg-migrate').MigrationBuilder} pgm */
export function down(pgm) {
  pgm.dropColumn('projects', 'slug');
}

/** `Café Zürich` → `cafe-zurich`, and `cafe-zurich-2` for the second one. */
function freeSlug(name, taken) {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  const base = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '') || 'project';
  let slug = base;
  for (let number = 2; taken.has(slug); number += 1) slug = `${base}-${number}`;
  return slug;
}
