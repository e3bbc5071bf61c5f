-- The total of an invoice follows its lines.

-- Up Migration

-- The body of a function is looked up when it runs, under the search path of whoever writes the row. It takes the schema
-- from the table that the trigger stands on, so that it finds its own tenant from every connection, and after a rename.
CREATE FUNCTION refresh_invoice_total() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed bigint := CASE WHEN TG_OP = 'DELETE' THEN OLD.invoice_id ELSE NEW.invoice_id END;
BEGIN
  EXECUTE format(
    'UPDATE %1$I.invoices
        SET total = (SELECT coalesce(sum(amount), 0) FROM %1$I.invoice_lines WHERE invoice_id = $1)
      WHERE id = $1',
    TG_TABLE_SCHEMA
  ) USING changed;
  RETURN NULL;
END
$$;

CREATE TRIGGER invoice_lines_total AFTER INSERT OR UPDATE OR DELETE ON invoice_lines
  FOR EACH ROW EXECUTE FUNCTION refresh_invoice_total();

-- Down Migration

DROP TRIGGER invoice_lines_total ON invoice_lines;
DROP FUNCTION refresh_invoice_total();
