// Converts pixels between sRGB and Display P3. Imported only for images that need it.

import { UprezError } from "./error.js";

/** Throws where canvases have no other colour space than sRGB. */
export function checkDisplayP3() {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { colorSpace: "display-p3" });
  if (context.getImageData(0, 0, 1, 1).colorSpace === "display-p3") return;
  throw new UprezError("no-display-p3", 'this browser has no canvases in Display P3; leave colorSpace "srgb"');
}

/** Linear light, from Display P3 to sRGB and back: https://www.w3.org/TR/css-color-4/#color-conversion-code */
const MATRICES = {
  srgb: [
    [1.22494018, -0.22494018, 0],
    [-0.04205695, 1.04205695, 0],
    [-0.01963755, -0.07863605, 1.0982736],
  ],
  "display-p3": [
    [0.82246197, 0.17753803, 0],
    [0.0331942, 0.9668058, 0],
    [0.01708263, 0.07239744, 0.91051993],
  ],
};

/** Both colour spaces have the transfer function of sRGB. */
const toLinear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const fromLinear = (value) => (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055);

/** Entries of the table of encoded values: neighbours are less than one of 255 apart, also where the curve is steepest. */
const STEPS = 1 << 14;

/**
 * The bytes of pixels in another colour space. Colours outside it are clipped, channel by channel. Half floats, in which
 * 1 is white, are rounded to bytes.
 *
 * @param {{ data: Uint8Array | Uint8ClampedArray | Float16Array, colorSpace: "srgb" | "display-p3" }} image
 * @param {"srgb" | "display-p3"} colorSpace
 * @returns {Uint8ClampedArray} new memory
 */
export function converted({ data, colorSpace: from }, colorSpace) {
  const isBytes = data.BYTES_PER_ELEMENT === 1;
  const rgba = isBytes ? new Uint8ClampedArray(data) : Uint8ClampedArray.from(data, (value) => 255 * value);
  if (from === colorSpace) return rgba;
  const [red, green, blue] = MATRICES[colorSpace];
  const linear = Float64Array.from({ length: 256 }, (_, byte) => toLinear(byte / 255));
  const encoded = Uint8ClampedArray.from({ length: STEPS + 1 }, (_, step) => 255 * fromLinear(step / STEPS));
  // A clamped array rounds, but indices have to be in the table.
  const encode = (row, r, g, b) =>
    encoded[Math.round(STEPS * Math.min(1, Math.max(0, row[0] * r + row[1] * g + row[2] * b)))];
  for (let at = 0; at < rgba.length; at += 4) {
    const [r, g, b] = [linear[rgba[at]], linear[rgba[at + 1]], linear[rgba[at + 2]]];
    rgba[at] = encode(red, r, g, b);
    rgba[at + 1] = encode(green, r, g, b);
    rgba[at + 2] = encode(blue, r, g, b);
  }
  return rgba;
}
