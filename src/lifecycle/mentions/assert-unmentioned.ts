import { TenantsError } from '../../errors/tenants-error.js';
import { plural } from '../../util/format-count.js';
import { describeMention } from './find-mentions.js';
import type { Mention } from './types.js';

/**
 * Refuses a change after which stored texts would go on naming another schema, unless that is allowed.
 *
 * @param change.undone the beginning of the message: `The tenant "acme" was not renamed`
 * @returns a sentence for each mention
 * @throws TenantsError SCHEMA_MENTIONED with all of them.
 */
export function assertUnmentioned(
  mentions: readonly Mention[],
  { tenant, undone, allowed }: { tenant: string; undone: string; allowed: boolean },
): string[] {
  const sentences = mentions.map(describeMention);
  if (allowed || mentions.length === 0) return sentences;
  const places = plural(mentions.length, 'stored text');
  const verb = mentions.length === 1 ? 'names' : 'name';
  throw new TenantsError(
    'SCHEMA_MENTIONED',
    `${undone}: ${places} ${verb} a schema that would be the wrong one afterward.`,
    {
      tenant,
      problems: sentences,
      mentions: [...mentions],
      suggestions: [
        'Take the schema out of these texts: a function finds its tables by its search path (SET search_path).',
        'If the texts may stay as they are, add --allow-mentions.',
      ],
    },
  );
}
