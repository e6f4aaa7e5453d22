// Detects browsers that return noise instead of a canvas's pixels.

import { UprezError } from "./error.js";

let readable;

/**
 * Whether a canvas returns the pixels that were drawn. Firefox with `privacy.resistFingerprinting` (Tor Browser,
 * LibreWolf) returns noise, without an error.
 */
export function canvasIsReadable() {
  readable ??= check();
  return readable;
}

function check() {
  const context = new OffscreenCanvas(16, 1).getContext("2d", { willReadFrequently: true });
  const colours = Array.from({ length: 16 }, (_, x) => [16 * x, 255 - 16 * x, 128, 255]);
  colours.forEach(([r, g, b], x) => {
    context.fillStyle = `rgb(${r} ${g} ${b})`;
    context.fillRect(x, 0, 1, 1);
  });
  const { data } = context.getImageData(0, 0, 16, 1);
  return colours.flat().every((value, i) => value === data[i]);
}

/** The error for such browsers; `alternative` says how to do without a canvas. */
export function unreadableCanvas(alternative) {
  return new UprezError(
    "no-pixels",
    `this browser returns noise instead of pixels to prevent fingerprinting: allow this site to read canvases, or ${alternative}`,
  );
}
