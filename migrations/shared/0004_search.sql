-- Extensions belong here and never into a tenant migration: an extension exists once in a database, so only the first
-- tenant would get it. From here every tenant finds its operators and operator classes through the search path.

-- Up Migration

CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Down Migration

DROP EXTENSION pg_trgm;
