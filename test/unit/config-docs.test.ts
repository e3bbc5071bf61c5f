import { readFileSync } from 'node:fs';

import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';

import type { TenantsConfig } from '../../src/config/define-config.js';
import { configSchema } from '../../src/config/schema.js';

type Node = { description?: string; default?: unknown; properties?: Record<string, Node>; anyOf?: Node[] };

/** Keys whose children are documented, not they themselves. */
const GROUPS = ['shared', 'tenants', 'registry', 'rows', 'recycle', 'pool', 'snapshot', 'lint', 'rollout'];
const source = readFileSync(new URL('../../src/config/define-config.ts', import.meta.url), 'utf8');
const declaration = source.slice(source.indexOf('export type TenantsConfig'));
const root = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as Node;
const keys = Object.entries(root.properties ?? {}).flatMap(([key, node]) =>
  GROUPS.includes(key)
    ? Object.entries(node.properties ?? {}).map(([inner, child]): [string, Node] => [`${key}.${inner}`, child])
    : [[key, node] as [string, Node]],
);

describe('the documentation of the configuration', () => {
  it.each(keys)('of %s is the same in the schema and in TenantsConfig', (_, node) => {
    expect(node.description).toBeTruthy();
    const shown = typeof node.default === 'object' ? JSON.stringify(node.default) : String(node.default);
    const value = typeof node.default === 'string' ? `'${node.default}'` : shown;
    expect(declaration).toMatch(
      `/** ${node.description}${node.default === undefined ? '' : ` Default: \`${value}\`.`}`,
    );
  });

  it('has a default or says that there is none for every key', () => {
    const comments = declaration.match(/\/\*\* .* \*\//g) ?? [];
    expect(comments.filter((text) => /Default: |No default: /.test(text))).toHaveLength(keys.length);
  });

  it('types the configuration as the schema reads it', () => {
    type Keys<T> = { [Key in keyof T]-?: keyof NonNullable<T[Key]> };
    type Groups = 'shared' | 'tenants' | 'recycle' | 'hooks' | 'pool' | 'snapshot' | 'lint' | 'rollout';
    expectTypeOf<Keys<Pick<TenantsConfig, Groups>>>().toEqualTypeOf<Keys<Pick<z.input<typeof configSchema>, Groups>>>();
    expectTypeOf<keyof TenantsConfig>().toEqualTypeOf<keyof z.input<typeof configSchema>>();
    expectTypeOf<Omit<TenantsConfig, 'database'>>().toExtend<Omit<z.input<typeof configSchema>, 'database'>>();
    expectTypeOf<Omit<z.input<typeof configSchema>, 'database'>>().toExtend<Omit<TenantsConfig, 'database'>>();
  });
});
