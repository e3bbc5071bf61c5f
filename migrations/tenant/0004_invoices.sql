-- Up Migration

CREATE TYPE invoice_status AS ENUM ('draft', 'sent', 'paid', 'void');

-- tenants: lint-ignore foreign-key-to-shared Currencies are never deleted, and hardly ever written.
CREATE TABLE invoices (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id bigint NOT NULL REFERENCES projects (id),
  number text NOT NULL UNIQUE,
  status invoice_status NOT NULL DEFAULT 'draft',
  -- The tenant has no table "currencies" of its own: this is the shared one.
  currency text NOT NULL DEFAULT 'EUR' REFERENCES currencies (code),
  issued_on date,
  due_on date CHECK (due_on >= issued_on),
  total numeric(12, 2) NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX invoices_project ON invoices (project_id);

CREATE TABLE invoice_lines (
  invoice_id bigint NOT NULL REFERENCES invoices (id) ON DELETE CASCADE,
  position smallint NOT NULL CHECK (position > 0),
  description text NOT NULL,
  quantity numeric(10, 2) NOT NULL DEFAULT 1,
  unit_price numeric(12, 2) NOT NULL,
  amount numeric(12, 2) NOT NULL GENERATED ALWAYS AS (round(quantity * unit_price, 2)) STORED,
  PRIMARY KEY (invoice_id, position)
);

CREATE TRIGGER invoices_touch BEFORE UPDATE ON invoices
  FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- Down Migration

DROP TABLE invoice_lines;
DROP TABLE invoices;
DROP TYPE invoice_status;
