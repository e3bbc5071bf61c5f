-- Up Migration

-- gin_trgm_ops comes with pg_trgm, which a shared migration has created.
-- tenants: lint-ignore create-index-without-concurrently A tenant has a few hundred projects.
CREATE INDEX projects_search ON projects USING gin (name gin_trgm_ops);
-- tenants: lint-ignore create-index-without-concurrently A tenant has some thousand tasks: the index takes milliseconds.
CREATE INDEX tasks_search ON tasks USING gin (title gin_trgm_ops);

-- Down Migration

DROP INDEX tasks_search;
DROP INDEX projects_search;
