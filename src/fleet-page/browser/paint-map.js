import { cellAt, LABEL } from './map-layout.js';
import { shortName } from './words.js';

/** @typedef {import('./model.js').Model} Model */
/** @typedef {import('./words.js').Look} Look */

/** Pixels of a canvas that every browser can hold. */
const HIGHEST = 16_000;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Look} look
 */
export function paintSample(canvas, look) {
  const context = sized(canvas, 14, 14);
  if (context !== null) paintShape(context, look.shape, colorOf(look.color), 1, 1, 12, 12);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import('./map-layout.js').Layout} layout
 * @param {Model} model
 * @param {(tenant: number) => Look} lookAt
 */
export function paintMap(canvas, layout, model, lookAt) {
  const { width, height, columns, names, blocks, total, order } = layout;
  const context = sized(canvas, columns * width, total);
  if (context === null) return;
  const [ink, quiet, paper] = [colorOf('--ink'), colorOf('--quiet'), colorOf('--paper')];
  /** @type {Map<string, string>} */
  const colors = new Map();
  const gap = width > 8 ? 2 : 1;
  context.textBaseline = 'middle';
  for (const { group, first, y } of blocks) {
    context.font = '13px system-ui, sans-serif';
    context.fillStyle = ink;
    context.globalAlpha = 1;
    const room = columns * width - context.measureText(group.note).width - 16;
    context.fillText(shortName(group.label, Math.max(12, Math.floor(room / 6.6))), 0, y - LABEL / 2 - 1);
    context.textAlign = 'right';
    context.fillStyle = quiet;
    context.fillText(group.note, columns * width - gap, y - LABEL / 2 - 1);
    context.textAlign = 'left';
    group.members.forEach((tenant, index) => {
      const look = lookAt(tenant);
      const color = colors.get(look.color) ?? colorOf(look.color);
      colors.set(look.color, color);
      const [x, top] = [(index % columns) * width, y + Math.floor(index / columns) * height];
      context.globalAlpha = model.found === null || model.found.has(tenant) ? 1 : 0.13;
      if (names) {
        paintShape(context, look.shape, color, x + 1, top + 6, 14, 14);
        context.fillStyle = ink;
        context.fillText(
          `${look.letter}  ${shortName(model.data.tenants[tenant], Math.floor((width - 44) / 7.2))}`,
          x + 21,
          top + 14,
        );
        return;
      }
      paintShape(context, look.shape, color, x, top, width - gap, height - gap);
      if (width < 15) return;
      context.fillStyle = look.shape === 'full' ? paper : ink;
      context.font = `600 ${Math.floor(width * 0.5)}px system-ui, sans-serif`;
      context.textAlign = 'center';
      context.fillText(look.letter, x + (width - gap) / 2, top + (height - gap) / 2 + 1);
      context.textAlign = 'left';
    });
    if (model.chosen !== -1) {
      const at = group.members.indexOf(model.chosen);
      if (at === -1) continue;
      const cell = cellAt(layout, first + at);
      context.globalAlpha = 1;
      context.strokeStyle = ink;
      context.lineWidth = 2;
      context.strokeRect(cell.x - 1 + 0.5, cell.y - 1 + 0.5, width - gap + 1, height - gap + 1);
    }
  }
  canvas.dataset['cells'] = String(order.length);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Look['shape']} shape
 * @param {string} color
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @param {number} height
 */
function paintShape(context, shape, color, x, y, width, height) {
  context.fillStyle = color;
  const alpha = context.globalAlpha;
  const line = Math.max(1, Math.round(width / 9));
  if (shape === 'full') {
    context.fillRect(x, y, width, height);
    return;
  }
  context.globalAlpha = alpha * 0.25;
  context.fillRect(x, y, width, height);
  context.globalAlpha = alpha;
  context.strokeStyle = color;
  context.lineWidth = line;
  if (shape === 'half' || shape === 'peak') {
    context.beginPath();
    context.moveTo(x, y + height);
    context.lineTo(shape === 'half' ? x : x + width / 2, y);
    context.lineTo(x + width, y + height);
    context.fill();
  } else if (shape === 'cross') {
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + width, y + height);
    context.moveTo(x + width, y);
    context.lineTo(x, y + height);
    context.lineWidth = Math.max(1.5, width / 5);
    context.stroke();
  } else if (shape === 'hollow') context.strokeRect(x + line / 2, y + line / 2, width - line, height - line);
  else if (shape === 'bar') context.fillRect(x, y + height * 0.35, width, height * 0.3);
  else context.fillRect(x + width * 0.35, y + height * 0.35, width * 0.3, height * 0.3);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height in pixels of the page
 */
function sized(canvas, width, height) {
  const scale = Math.min(Math.max(1, devicePixelRatio), HIGHEST / height, 3);
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d');
  context?.scale(scale, scale);
  return context;
}

/** @param {string} variable */
function colorOf(variable) {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
}
