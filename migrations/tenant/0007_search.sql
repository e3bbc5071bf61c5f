-- Up Migration

-- gin_trgm_ops comes with pg_trgm, which a shared migration has created.
CREATE INDEX projects_search ON projects USING gin (name gin_trgm_ops);
CREATE INDEX tasks_search ON tasks USING gin (title gin_trgm_ops);

-- Down Migration

DROP INDEX tasks_search;
DROP INDEX projects_search;
