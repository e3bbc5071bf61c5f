/**
 * A block of the map: cells of one group below a line with its name.
 *
 * @typedef {object} Block
 * @property {Group} group
 * @property {number} first position of its first cell among all cells
 * @property {number} y where its cells begin
 */
/** @typedef {{ label: string, note: string, members: number[] }} Group */
/**
 * @typedef {object} Layout
 * @property {number} width of a cell with the gap, in pixels
 * @property {number} height
 * @property {boolean} names there is room for the name of a tenant in its cell
 * @property {number} columns
 * @property {number} total height of the map
 * @property {Block[]} blocks
 * @property {number[]} order tenants in the order of their cells
 */

export const LABEL = 24;
const GAP = 10;

/** Sizes of cells, the largest first. */
const SIZES = [30, 26, 22, 18, 15, 12, 10, 8, 7, 6, 5];

/**
 * The largest cells with which the map is not too high.
 *
 * @param {Group[]} groups
 * @param {number} available width in pixels
 * @returns {Layout}
 */
export function layOut(groups, available) {
  const tiles = arrange(
    groups,
    available,
    Math.min(available, Math.max(140, Math.floor(available / Math.max(1, Math.floor(available / 150))))),
    28,
    true,
  );
  const cells = tiles.order.length;
  if (cells <= 120 && tiles.total <= 620 + groups.length * LABEL) return tiles;
  const highest = (available < 600 ? 760 : 560) + groups.length * LABEL;
  const fitting = SIZES.map((size) => arrange(groups, available, size, size, false));
  return fitting.find(({ total }) => total <= highest) ?? /** @type {Layout} */ (fitting.at(-1));
}

/**
 * @param {Layout} layout
 * @param {number} position of a cell
 */
export function cellAt({ blocks, columns, width, height }, position) {
  const block = /** @type {Block} */ (blocks.findLast(({ first }) => first <= position));
  const index = position - block.first;
  return { x: (index % columns) * width, y: block.y + Math.floor(index / columns) * height };
}

/**
 * The cell at a point; -1 beside all cells.
 *
 * @param {Layout} layout
 * @param {number} x
 * @param {number} y
 */
export function positionAt({ blocks, columns, width, height }, x, y) {
  const block = blocks.findLast((one) => one.y <= y);
  const column = Math.floor(x / width);
  if (block === undefined || column < 0 || column >= columns) return -1;
  const index = Math.floor((y - block.y) / height) * columns + column;
  return index < block.group.members.length ? block.first + index : -1;
}

/**
 * Where a key leads from a cell.
 *
 * @param {Layout} layout
 * @param {number} position
 * @param {string} key
 * @returns {number | undefined} `undefined` for other keys
 */
export function positionAfter(layout, position, key) {
  const last = layout.order.length - 1;
  if (position === -1) return /^(?:Arrow|Home|Page)/.test(key) ? 0 : key === 'End' ? last : undefined;
  const { x, y } = cellAt(layout, position);
  const at = (/** @type {number} */ row) => positionAt(layout, x, row);
  const block = layout.blocks.findLastIndex(({ first }) => first <= position);
  switch (key) {
    case 'ArrowRight':
      return Math.min(last, position + 1);
    case 'ArrowLeft':
      return Math.max(0, position - 1);
    case 'ArrowDown': {
      const below = at(y + layout.height);
      return below === -1 ? (layout.blocks[block + 1]?.first ?? last) : below;
    }
    case 'ArrowUp': {
      const above = y - layout.height >= layout.blocks[block].y ? at(y - layout.height) : -1;
      return above === -1 ? Math.max(0, layout.blocks[block].first - 1) : above;
    }
    case 'PageDown':
      return layout.blocks[block + 1]?.first ?? last;
    case 'PageUp':
      return layout.blocks[Math.max(0, block - 1)].first;
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return undefined;
  }
}

/**
 * @param {Group[]} groups
 * @param {number} available
 * @param {number} width
 * @param {number} height
 * @param {boolean} names
 * @returns {Layout}
 */
function arrange(groups, available, width, height, names) {
  const columns = Math.max(1, Math.floor(available / width));
  let [first, y] = [0, 0];
  const blocks = groups.map((group) => {
    const block = { group, first, y: y + LABEL };
    first += group.members.length;
    y += LABEL + Math.ceil(group.members.length / columns) * height + GAP;
    return block;
  });
  return {
    width,
    height,
    names,
    columns,
    total: Math.max(1, y - GAP),
    blocks,
    order: groups.flatMap(({ members }) => members),
  };
}
