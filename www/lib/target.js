// The size of a result, and the memory that it is written to.

import { UprezError } from "./error.js";

/** Most pixels of an image in one block of memory, at four bytes each. */
const MAX_PIXELS = 160e6;

/** The same per GiB of the device's memory. */
const PIXELS_PER_GIB = 40e6;

/** Most pixels of a result that is never in memory as a whole. */
const MAX_PIXELS_IN_PARTS = 1e9;

/** Further passes would only sharpen what the network has invented. */
const MAX_PASSES = 2;

const FITS = ["inside", "outside", "fill"];

/** Memory in GiB, rounded to a power of two. Safari and Firefox do not tell: assume little, and less on touch screens. */
export const deviceMemory = () => navigator.deviceMemory ?? (navigator.maxTouchPoints > 1 ? 1 : 2);

/** Most pixels for the memory of this device. */
export const maxPixels = () => Math.min(MAX_PIXELS, PIXELS_PER_GIB * deviceMemory());

/** Rejects an image file that is larger than the pixels of the largest image, before it is read. */
export function checkFileSize(bytes) {
  const most = 4 * maxPixels();
  if (bytes <= most) return;
  const [found, allowed] = [bytes, most].map((size) => `${Math.floor(size / 1e6)} MB`);
  throw new UprezError("too-large", `the file has ${found}; image files of up to ${allowed} can be read on this device`);
}

/** Throws a `TypeError` for an invalid target. */
export function checkTarget({ scale, width, height, fit }) {
  for (const [name, value] of Object.entries({ scale, width, height })) {
    if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
      throw new TypeError(`${name} is ${value}, but must be a number above 0`);
    }
  }
  if (scale !== undefined && (width ?? height) !== undefined) {
    throw new TypeError("a target is either a scale, or a width, a height or both");
  }
  if (fit !== undefined && !FITS.includes(fit)) {
    throw new TypeError(`fit is "${fit}", but must be one of "${FITS.join('", "')}"`);
  }
}

/**
 * The size of the result, and how many times the image passes through a network of this scale: as often as needed to be
 * at least as large, but twice at most. A result that is made `inParts` may be larger than memory.
 */
export function resultSize(size, target, scale, inParts = false) {
  const [width, height] = wanted(size, target, scale).map((side) => Math.max(1, Math.round(side)));
  const factor = Math.max(width / size.width, height / size.height);
  let passes = 1;
  // A network that does not enlarge runs once; the resize does the rest.
  while (scale > 1 && passes < MAX_PASSES && scale ** passes < factor - 1e-6) passes += 1;
  const by = target.scale ? ` by ${target.scale}` : "";
  // The input of the last pass is held in memory, too.
  const between = size.width * size.height * scale ** (2 * (passes - 1));
  refuseAbove(between, "image", size, `can be upscaled here${by}`);
  const sides = (target.width ?? target.height) !== undefined;
  const most = inParts ? MAX_PIXELS_IN_PARTS : maxPixels();
  if (sides) refuseAbove(width * height, "result", { width, height }, "fit here", most);
  else refuseAbove(width * height, "image", size, `can be upscaled here${by}`, most);
  return { width, height, passes };
}

function wanted(size, { scale, width, height, fit }, own) {
  if ((width ?? height) === undefined) return [size.width, size.height].map((side) => side * (scale ?? own));
  if (fit === "fill" && width && height) return [width, height];
  const factors = [width / size.width, height / size.height].filter((factor) => factor > 0);
  const factor = fit === "outside" ? Math.max(...factors) : Math.min(...factors);
  return [size.width * factor, size.height * factor];
}

/** Throws if there are too many pixels; the message says which size would fit. */
function refuseAbove(pixels, name, size, why, most = maxPixels()) {
  if (pixels <= most) return;
  const shrink = Math.sqrt(most / pixels);
  const fits = { width: Math.floor(size.width * shrink), height: Math.floor(size.height * shrink) };
  throw new UprezError("too-large", `the ${name} has ${said(size)}; up to ${said(fits)} ${why}`);
}

export const said = ({ width, height }) => `${width} × ${height} pixels (${((width * height) / 1e6).toFixed(1)} megapixels)`;

/** A whole image that tiles are written to. */
export class Whole {
  /** The result for `as: "imagedata"`. */
  image;
  #scale;

  constructor({ width, height }, scale, colorSpace) {
    this.#scale = scale;
    try {
      // Firefox takes no third argument.
      this.image = colorSpace === "srgb" ? new ImageData(width, height) : new ImageData(width, height, { colorSpace });
    } catch {
      throw new UprezError("too-large", `there is not enough memory for an image of ${width} × ${height} pixels`);
    }
  }

  /** Returns true if it keeps the memory of `rgba`: a tile that is the whole image is not copied. */
  take([x, y, width, height], rgba) {
    const { image } = this;
    const isWhole = width * this.#scale === image.width && height * this.#scale === image.height;
    if (isWhole && rgba.byteLength === rgba.buffer.byteLength) {
      const { colorSpace } = image;
      this.image = new ImageData(new Uint8ClampedArray(rgba.buffer), image.width, image.height, { colorSpace });
      return true;
    }
    paste(image, [x, y, width, height], this.#scale, rgba);
    return false;
  }
}

/** Copies the enlarged core of a tile to its place. */
export function paste(image, [x, y, width, height], scale, rgba) {
  const length = 4 * width * scale;
  for (let row = 0; row < height * scale; row += 1) {
    const start = 4 * ((y * scale + row) * image.width + x * scale);
    image.data.set(rgba.subarray(row * length, (row + 1) * length), start);
  }
}
