// The page makes text nodes of everything: no markup is ever built from a string.

/** @typedef {Record<string, string | number | boolean | ((event: any) => void)>} Properties */
/** @typedef {Node | string | number} Child */

/**
 * An element with attributes; a function becomes the listener of that event.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Properties} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  decorate(made, properties);
  made.append(...children.map(nodeOrText));
  return made;
}

/**
 * The same for pictures.
 *
 * @param {string} tag
 * @param {Properties} [properties]
 * @param {...Child} children
 * @returns {SVGElement}
 */
export function drawn(tag, properties = {}, ...children) {
  const made = /** @type {SVGElement} */ (document.createElementNS('http://www.w3.org/2000/svg', tag));
  decorate(made, properties);
  made.append(...children.map(nodeOrText));
  return made;
}

/**
 * A name of the user's, kept from changing the direction of the text around it.
 *
 * @param {string} text
 * @param {string} [kind] class
 */
export function nameElement(text, kind = 'name') {
  return element('bdi', { class: kind }, text);
}

/**
 * A table with a caption for screen readers.
 *
 * @param {string} caption
 * @param {string[]} header
 * @param {Child[][]} rows
 * @param {number[]} [numbers] columns that are aligned to the right
 */
export function tableElement(caption, header, rows, numbers = []) {
  const kind = (/** @type {number} */ column) => (numbers.includes(column) ? { class: 'number' } : {});
  const body = element(
    'tbody',
    {},
    ...rows.map((cells) => element('tr', {}, ...cells.map((cell, column) => element('td', kind(column), cell)))),
  );
  const head = element(
    'tr',
    {},
    ...header.map((title, column) => element('th', { scope: 'col', ...kind(column) }, title)),
  );
  return element(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    element('table', {}, element('caption', {}, caption), element('thead', {}, head), body),
  );
}

/**
 * What stands behind a picture: built when it is first opened.
 *
 * @param {string} title
 * @param {() => Child} build
 */
export function behind(title, build) {
  const box = element('details', { class: 'behind' }, element('summary', {}, title));
  box.addEventListener('toggle', () => {
    if (box.open && box.childElementCount === 1) box.append(nodeOrText(build()));
  });
  return box;
}

/**
 * @param {string} id
 * @param {string} title
 * @param {...Child} children
 */
export function section(id, title, ...children) {
  const heading = element('h2', { id: `${id}-title` }, title);
  return element('section', { id, 'aria-labelledby': `${id}-title` }, heading, ...children);
}

/**
 * Draws again whenever the width changes.
 *
 * @param {HTMLElement} box
 * @param {(width: number) => void} draw
 */
export function drawAtWidth(box, draw) {
  let before = 0;
  new ResizeObserver(() => {
    const width = Math.floor(box.clientWidth);
    if (width === before || width === 0) return;
    before = width;
    draw(width);
  }).observe(box);
}

/**
 * @param {Element} made
 * @param {Properties} properties
 */
function decorate(made, properties) {
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === 'function') made.addEventListener(key, value);
    else if (value !== false) made.setAttribute(key, value === true ? '' : String(value));
  }
}

/**
 * @param {Child} child
 * @returns {Node | string}
 */
function nodeOrText(child) {
  return child instanceof Node ? child : String(child);
}
