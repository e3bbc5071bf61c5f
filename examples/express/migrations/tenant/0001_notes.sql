-- Up Migration

CREATE TABLE notes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  text text NOT NULL CHECK (text <> ''),
  written_at timestamptz NOT NULL DEFAULT now()
);

-- Down Migration

DROP TABLE notes;
