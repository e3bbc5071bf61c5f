/** A stored text that names a schema, and so does not follow when the schema is renamed or cloned. */
export type Mention = {
  /** The object as the server describes it: `function acme.total(integer)`, `role app in database shop`. */
  object: string;
  place: 'body' | 'definition' | 'setting';
  /** The schema that it names. */
  schema: string;
  /** Line of the body, from 1. */
  line?: number;
};
