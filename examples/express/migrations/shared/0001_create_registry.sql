-- The registry: which tenants there are, and which hostnames lead to them.
--
-- This file is yours. Add columns to both tables freely, here before the first run and in shared migrations of your own
-- afterwards; "tenants create-tenant --set column=value" fills them. The columns below are read and written by the
-- command line and the runtime library; if you rename one, say so under "registry" in the configuration.
--
-- Table names carry no schema: shared migrations run in the shared schema.

-- Up Migration

CREATE TABLE tenants (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- The schema that holds the tables of this tenant: its name in every command.
  schema_name text NOT NULL UNIQUE CHECK (octet_length(schema_name) BETWEEN 1 AND 63),
  -- A label for people.
  name text,
  -- Chooses the migrations directory where there are several.
  type text,
  -- Only active tenants are served; the other two are states between.
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'provisioning', 'deleting')),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE domains (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- A hostname in lower case (xn-- form for other scripts), without scheme, port or trailing dot.
  domain text NOT NULL UNIQUE CHECK (domain = lower(domain) AND octet_length(domain) BETWEEN 1 AND 253),
  tenant_id bigint NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  is_primary boolean NOT NULL DEFAULT false
);

CREATE INDEX tenants_registry_domains_of_tenant ON domains (tenant_id);

-- At most one primary domain for each tenant.
CREATE UNIQUE INDEX tenants_registry_one_primary ON domains (tenant_id) WHERE is_primary;

-- Applications remember which tenant a hostname leads to. Each change is announced to them, with the row's key as it was
-- and as it is, so that they look again. The arguments are a word for the message and the column of the key.
CREATE FUNCTION tenants_registry_notify() RETURNS trigger LANGUAGE plpgsql SET search_path TO '' AS $$
DECLARE
  old_row jsonb := to_jsonb(OLD);
  new_row jsonb := to_jsonb(NEW);
BEGIN
  IF old_row IS DISTINCT FROM new_row THEN
    PERFORM pg_notify('tenants_changed', jsonb_build_object(TG_ARGV[0], (
      SELECT jsonb_agg(DISTINCT key)
      FROM unnest(ARRAY[old_row ->> TG_ARGV[1], new_row ->> TG_ARGV[1]]) AS key
      WHERE key IS NOT NULL
    ))::text);
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER tenants_registry_notify AFTER INSERT OR UPDATE OR DELETE ON tenants
  FOR EACH ROW EXECUTE FUNCTION tenants_registry_notify('schemas', 'schema_name');

CREATE TRIGGER tenants_registry_notify AFTER INSERT OR UPDATE OR DELETE ON domains
  FOR EACH ROW EXECUTE FUNCTION tenants_registry_notify('domains', 'domain');

-- Down Migration

DROP TABLE domains;
DROP TABLE tenants;
DROP FUNCTION tenants_registry_notify();
