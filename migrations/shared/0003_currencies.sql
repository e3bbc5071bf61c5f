-- Reference data that every tenant points to: invoices have a foreign key into this table.

-- Up Migration

CREATE TABLE currencies (
  code text PRIMARY KEY CHECK (code ~ '^[A-Z]{3}$'),
  name text NOT NULL,
  minor_units smallint NOT NULL DEFAULT 2 CHECK (minor_units BETWEEN 0 AND 4)
);

INSERT INTO currencies (code, name, minor_units) VALUES
  ('CHF', 'Swiss franc', 2),
  ('EUR', 'Euro', 2),
  ('GBP', 'Pound sterling', 2),
  ('JPY', 'Yen', 0),
  ('USD', 'US dollar', 2);

-- Down Migration

DROP TABLE currencies;
