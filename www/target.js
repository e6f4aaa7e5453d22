// How large a result shall be, and the memory that it comes into.

import { UprezError } from "./error.js";

/** Most pixels of a picture that is held whole: four bytes each, in one block. */
const MOST_PIXELS = 160e6;

/** More passes sharpen what the first ones invented. */
const MOST_PASSES = 2;

const FITS = ["inside", "outside", "fill"];

/** The pixels that there is memory for on this machine. */
function mostPixels() {
  // In GiB, and in powers of two.
  return Math.min(MOST_PIXELS, 40e6 * (navigator.deviceMemory ?? 4));
}

/** A `TypeError` where a target makes no sense. */
export function checkTarget({ scale, width, height, fit }) {
  for (const [name, value] of Object.entries({ scale, width, height })) {
    if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
      throw new TypeError(`${name} is ${value}, but has to be a number above 0`);
    }
  }
  if (scale !== undefined && (width ?? height) !== undefined) {
    throw new TypeError("a target is either a scale, or a width, a height or both");
  }
  if (fit !== undefined && !FITS.includes(fit)) {
    throw new TypeError(`fit is "${fit}", but has to be one of "${FITS.join('", "')}"`);
  }
}

/**
 * The sides of the result, and how often a picture goes through a network of this scale: so often that it is at least
 * as large, but twice at most.
 */
export function resultSize(size, target, scale) {
  const [width, height] = wanted(size, target, scale).map((side) => Math.max(1, Math.round(side)));
  const factor = Math.max(width / size.width, height / size.height);
  let passes = 1;
  while (passes < MOST_PASSES && scale ** passes < factor - 1e-6) passes += 1;
  const by = target.scale ? ` by ${target.scale}` : "";
  // What goes into the last pass is held whole, too.
  const between = size.width * size.height * scale ** (2 * (passes - 1));
  refuseAbove(between, "picture", size, `can be upscaled here${by}`);
  const sides = (target.width ?? target.height) !== undefined;
  if (sides) refuseAbove(width * height, "result", { width, height }, "fit here");
  else refuseAbove(width * height, "picture", size, `can be upscaled here${by}`);
  return { width, height, passes };
}

function wanted(size, { scale, width, height, fit }, own) {
  if ((width ?? height) === undefined) return [size.width, size.height].map((side) => side * (scale ?? own));
  if (fit === "fill" && width && height) return [width, height];
  const factors = [width / size.width, height / size.height].filter((factor) => factor > 0);
  const factor = fit === "outside" ? Math.max(...factors) : Math.min(...factors);
  return [size.width * factor, size.height * factor];
}

/** Refuses so many pixels where they are too many, and says which `size` would do. */
function refuseAbove(pixels, name, size, why) {
  const most = mostPixels();
  if (pixels <= most) return;
  const shrink = Math.sqrt(most / pixels);
  const fits = { width: Math.floor(size.width * shrink), height: Math.floor(size.height * shrink) };
  throw new UprezError("too-large", `the ${name} has ${said(size)}; up to ${said(fits)} ${why}`);
}

const said = ({ width, height }) => `${width} × ${height} pixels (${((width * height) / 1e6).toFixed(1)} megapixels)`;

/** A picture to put tiles into. */
export class Whole {
  /** As `as: "imagedata"` gives it. */
  image;
  #scale;

  constructor({ width, height }, scale) {
    this.#scale = scale;
    try {
      this.image = new ImageData(width, height);
    } catch {
      throw new UprezError("too-large", `there is no memory for a picture of ${width} × ${height} pixels`);
    }
  }

  take([x, y, width, height], rgba) {
    paste(this.image, [x, y, width, height], this.#scale, rgba);
  }
}

/** Puts a tile's core, enlarged, into its place. */
export function paste(image, [x, y, width, height], scale, rgba) {
  const length = 4 * width * scale;
  for (let row = 0; row < height * scale; row += 1) {
    const start = 4 * ((y * scale + row) * image.width + x * scale);
    image.data.set(rgba.subarray(row * length, (row + 1) * length), start);
  }
}
