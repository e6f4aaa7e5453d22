// Knows how large the canvases of this browser are. Imported only for large results.

import { UprezError } from "./error.js";
import { said } from "./target.js";

/**
 * Areas of the largest canvases: 16384² (Chromium, Safari on macOS), 11180² (Firefox), 8192² and 4096² (Safari on iOS,
 * since and before version 18).
 */
const AREAS = [16384 ** 2, 11180 ** 2, 8192 ** 2, 4096 ** 2];

/** Sides of the largest canvases: Chromium, Firefox, older browsers. */
const SIDES = [65535, 32767, 16384, 4096];

/** Canvases of this area work everywhere. */
const SURE_AREA = AREAS.at(-1);

/** Longest sides of formats, which not every browser's encoder checks: https://developers.google.com/speed/webp/faq */
const FORMATS = { "image/webp": { name: "WebP", side: 16383 }, "image/jpeg": { name: "JPEG", side: 65535 } };

/** Largest areas and sides that were found to work, and smallest ones that were not. */
const area = { works: SURE_AREA, fails: Infinity };
const sides = { works: 4096, fails: Infinity };

/**
 * Whether this browser has a canvas of this size.
 *
 * @param {{ width: number, height: number }} size
 */
export function fitsCanvas({ width, height }) {
  const side = Math.max(width, height);
  return find(sides, side, () => works(side, 1)) && find(area, width * height, () => works(width, height));
}

function find(known, value, probe) {
  if (value <= known.works || value >= known.fails) return value <= known.works;
  const isFine = probe();
  if (isFine) known.works = value;
  else known.fails = value;
  return isFine;
}

/** Browsers report no error: drawing on a canvas that is too large has no effect. */
function works(width, height) {
  // Only Chromium has this property. There, the area is known, and a probe would clear all of the canvas: 0.6 s for 8192².
  if (navigator.userAgentData) return width * height <= AREAS[0] && Math.max(width, height) <= SIDES[0];
  const canvas = new OffscreenCanvas(1, 1);
  try {
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillRect(width - 1, height - 1, 1, 1);
    return context.getImageData(width - 1, height - 1, 1, 1).data[3] === 255;
  } catch {
    return false;
  } finally {
    // Frees the memory at once.
    canvas.width = canvas.height = 0;
  }
}

/**
 * Throws if a result is too large for a canvas, or for its format; the message says which size would fit.
 *
 * @param {{ width: number, height: number }} size
 * @param {string} type such as `image/webp`; anything else for pixels
 */
export function checkCanvas(size, type) {
  const { name, side: most } = FORMATS[type] ?? { name: "a bitmap", side: Infinity };
  const [long, short] = [Math.max(size.width, size.height), Math.min(size.width, size.height)];
  if (long <= most && fitsCanvas(size)) return;
  const scaled = (factor) => {
    const sides = [size.width, size.height].map((side) => Math.max(1, Math.floor(side * factor)));
    return { width: sides[0], height: sides[1] };
  };
  const bySide = (side) => Math.min(1, side / long);
  const side = Math.min(most, SIDES.find((side) => find(sides, side, () => works(side, 1))) ?? sides.works);
  const fits = AREAS.map((area) => scaled(Math.min(bySide(side), Math.sqrt(area / (long * short))))).find(fitsCanvas);
  const other = FORMATS[type] ? "; image/png has no such limit" : "";
  throw new UprezError("too-large", `the result has ${said(size)}; up to ${said(fits)} fit into ${name} here${other}`);
}
