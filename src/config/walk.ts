import { z } from 'zod';

/** The schema of the value at `path`, with its default; throws for a path that the schema does not have. */
export function fieldAt(root: z.ZodType, path: readonly PropertyKey[]): z.core.$ZodType {
  let current: z.core.$ZodType | undefined = root;
  for (const key of path) {
    current = child(unwrap(current), key);
    if (current === undefined) throw new RangeError(`the schema has no ${path.map(String).join('.')}`);
  }
  return current;
}

/** The keys that are known at `path`. */
export function keysAt(root: z.ZodType, path: readonly PropertyKey[]): string[] {
  const schema = unwrap(fieldAt(root, path));
  if (schema instanceof z.ZodRecord && schema.keyType instanceof z.ZodEnum) return schema.keyType.options.map(String);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function child(schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodObject) return schema.shape[String(key)];
  return schema instanceof z.ZodRecord ? schema.valueType : undefined;
}

/** Takes off what says that a value may be left out; of a union, the form that has keys counts. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return unwrap(schema.unwrap());
  }
  if (schema instanceof z.ZodUnion) return schema.options.find((option) => option instanceof z.ZodObject) ?? schema;
  return schema;
}
