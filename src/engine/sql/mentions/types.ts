/** A name in a text that the server looks up as a schema when it executes the text, or may look up. */
export type SchemaMention = {
  schema: string;
  /** It stands where only a schema can stand. Otherwise it may be something else of the same name, such as a value. */
  certain: boolean;
  /** Line of the text, from 1. */
  line: number;
};
