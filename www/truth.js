// Browsers that lie about pixels.

import { UprezError } from "./error.js";

let truth;

/**
 * Whether a canvas gives back what was drawn. Where Firefox and what is made of it (Tor Browser, LibreWolf) are told to
 * resist fingerprinting, it gives noise, and no error.
 */
export function canvasTellsTruth() {
  truth ??= isTrue();
  return truth;
}

function isTrue() {
  const context = new OffscreenCanvas(16, 1).getContext("2d", { willReadFrequently: true });
  const colours = Array.from({ length: 16 }, (_, x) => [16 * x, 255 - 16 * x, 128, 255]);
  colours.forEach(([r, g, b], x) => {
    context.fillStyle = `rgb(${r} ${g} ${b})`;
    context.fillRect(x, 0, 1, 1);
  });
  const { data } = context.getImageData(0, 0, 16, 1);
  return colours.flat().every((value, i) => value === data[i]);
}

/** The error, and another way. */
export function noPixels(instead) {
  return new UprezError(
    "no-pixels",
    `this browser gives noise in the place of pixels, against fingerprinting: allow this site to read canvases, or ${instead}`,
  );
}
