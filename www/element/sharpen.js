// Upscales the image of an <img>.

import { isTruncated, readHeader } from "../lib/image-header.js";
import { isAnimated } from "./animated.js";
import { find, keep } from "./cache.js";
import { options } from "./options.js";
import { pixelSize, request } from "./image-source.js";
import { target } from "./policy.js";
import { Skip } from "./state.js";
import { withUpscaler } from "./upscalers.js";

/** Quality of the result, where the browser can encode WebP. */
const QUALITY = 0.92;

/** An image is given up after its budget times this, as an estimate may be wrong. */
const OVERTIME = 2;

/**
 * Upscales an image for the box that it is displayed in, or finds the result of an earlier visit.
 *
 * @param {HTMLImageElement} img
 * @param {{ width: number, height: number }} box in CSS pixels
 * @param {{ signal: AbortSignal, onStart: () => void }} options called if the image is small enough to gain
 * @returns {Promise<{ blob: Blob, width: number, height: number, engine: string | null, fromCache: boolean }>}
 *   rejects with `Skip` if the image is left as it is
 */
export async function sharpen(img, box, { signal, onStart }) {
  const size = await pixelSize(img);
  const wanted = target(img, box, size);
  if (!wanted) throw new Skip("large-enough");
  signal.throwIfAborted();
  onStart();
  const { width, height } = wanted;
  const { model, engine, budgetMs } = options(img);
  const { url, version, read } = await request(img, signal);
  const key = version && { url, version, model, width, height };
  const kept = await find(key);
  if (kept) return { blob: kept, width, height, engine: null, fromCache: true };
  const source = await read();
  if (source instanceof Blob) {
    if (await isAnimated(source)) throw new Skip("animated");
    if (await isIncomplete(source)) throw new Skip("incomplete-file");
  }
  const made = await withUpscaler({ model, engine }, (upscaler) =>
    upscale(upscaler, { source, size, wanted, budgetMs, signal }),
  );
  // Showing the image does not wait for this.
  keep(key, made.blob);
  return { ...made, width, height, fromCache: false };
}

/** Whether the file ends too early, so that part of the image is missing. */
async function isIncomplete(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const header = readHeader(bytes);
  return Boolean(header) && isTruncated(bytes, header.type);
}

async function upscale(upscaler, { source, size, wanted, budgetMs, signal }) {
  signal.throwIfAborted();
  const { ms } = await upscaler.estimate(size, wanted);
  if (ms > budgetMs) throw new Skip("too-slow", `it would take ${(ms / 1000).toFixed(1)} s`);
  const limit = new AbortController();
  const stop = () => limit.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  signal.throwIfAborted();
  const timer = setTimeout(() => limit.abort(new Skip("too-slow")), OVERTIME * budgetMs);
  try {
    const type = (await encodesWebp()) ? "image/webp" : "image/png";
    const how = { as: "blob", type, quality: QUALITY, priority: "background", signal: limit.signal };
    return { blob: await upscaler.upscale(source, { ...wanted, ...how }), engine: upscaler.engine };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

let webp;

/** Safari does not. */
function encodesWebp() {
  webp ??= probe();
  return webp;
}

async function probe() {
  const canvas = new OffscreenCanvas(1, 1);
  canvas.getContext("2d");
  return (await canvas.convertToBlob({ type: "image/webp" })).type === "image/webp";
}
