-- What a customer can subscribe to. The registry's tables are the project's own, so the tenant table gets a column more:
--
--   tenants create-tenant acme acme.example.com --set plan_code=studio

-- Up Migration

CREATE TYPE billing_interval AS ENUM ('month', 'year');

CREATE TABLE plans (
  code text PRIMARY KEY,
  name text NOT NULL,
  price numeric(10, 2) NOT NULL CHECK (price >= 0),
  billed_every billing_interval NOT NULL DEFAULT 'month',
  -- NULL is no limit.
  max_members integer CHECK (max_members > 0)
);

INSERT INTO plans (code, name, price, billed_every, max_members) VALUES
  ('free', 'Free', 0, 'month', 3),
  ('studio', 'Studio', 29, 'month', 15),
  ('agency', 'Agency', 990, 'year', NULL);

ALTER TABLE tenants ADD COLUMN plan_code text NOT NULL DEFAULT 'free' REFERENCES plans (code);

-- Down Migration

ALTER TABLE tenants DROP COLUMN plan_code;
DROP TABLE plans;
DROP TYPE billing_interval;
