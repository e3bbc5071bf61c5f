/** Whether a name can be meant as a pattern. A tenant that is called exactly so is meant as a name; see `selectTenants`. */
export function isPattern(name: string): boolean {
  return /[*?]/.test(name);
}

/** Whether a name matches a pattern, in which `*` stands for any number of characters and `?` for one. Pure. */
export function patternMatcher(pattern: string): (name: string) => boolean {
  const source = pattern.replaceAll(/[\\^$.*+?()[\]{}|/]/g, (character) => {
    if (character === '*') return '.*';
    return character === '?' ? '.' : `\\${character}`;
  });
  const expression = new RegExp(`^${source}$`, 'su');
  return (name) => expression.test(name);
}
