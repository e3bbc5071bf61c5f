-- Names carry no schema anywhere in this folder: whoever runs a file sets the search path to the tenant's schema and,
-- after it, the shared one.

-- Up Migration

-- A type of the tenant's own: another tenant may already have one more role.
CREATE TYPE member_role AS ENUM ('owner', 'admin', 'member', 'guest');

CREATE TABLE members (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email text NOT NULL,
  full_name text NOT NULL,
  role member_role NOT NULL DEFAULT 'member',
  invited_by bigint REFERENCES members (id) ON DELETE SET NULL,
  joined_at timestamptz NOT NULL DEFAULT now()
);

-- One person, one account, however the address is written.
CREATE UNIQUE INDEX members_email_key ON members (lower(email));

-- Down Migration

DROP TABLE members;
DROP TYPE member_role;
