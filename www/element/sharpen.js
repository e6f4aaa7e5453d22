// Upscales the image of an <img>.

import { isTruncated, readAnyHeader } from "../lib/image-header.js";
import { VERSION } from "../lib/version.js";
import { find, keep } from "./cache.js";
import { options } from "./options.js";
import { pixelSize, request } from "./image-source.js";
import { target } from "./policy.js";
import { Skip } from "./state.js";
import { modelFile, withUpscaler } from "./upscalers.js";

/** Quality of the result, where the browser can encode WebP. */
const QUALITY = 0.92;

/** An image is given up after its budget times this, loading included, as an estimate may be wrong. */
const OVERTIME = 2;

/**
 * Upscales an image for the box that it is displayed in, or finds the result of an earlier visit.
 *
 * @param {HTMLImageElement} img
 * @param {{ width: number, height: number }} box in CSS pixels
 * @param {object} how
 * @param {AbortSignal} how.signal
 * @param {() => void} how.onStart called if the image is small enough to gain
 * @param {(blob: Blob, size: { width: number }, signal: AbortSignal) => Promise<void>} how.onPartial shows the image with the parts that are
 *   done, if its option `progressive` is set
 * @returns {Promise<{ blob: Blob, width: number, height: number, engine: string | null, fromCache: boolean }>}
 *   rejects with `Skip` if the image is left as it is
 */
export async function sharpen(img, box, { signal, onStart, onPartial }) {
  const size = await pixelSize(img);
  const wanted = target(img, box, size);
  if (!wanted) throw new Skip("large-enough");
  signal.throwIfAborted();
  onStart();
  const how = options(img);
  return await within(OVERTIME * how.budgetMs, signal, (limit) => attempt(img, { size, wanted, onPartial, ...how }, limit));
}

/** Runs `work` with a signal that aborts with `signal`, or after `ms`; rejects then, whatever `work` waits for. */
async function within(ms, signal, work) {
  const limit = new AbortController();
  const stop = () => limit.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  const timer = setTimeout(() => limit.abort(new Skip("too-slow")), ms);
  try {
    const stopped = new Promise((_, reject) => {
      limit.signal.addEventListener("abort", () => reject(limit.signal.reason), { once: true });
    });
    return await Promise.race([work(limit.signal), stopped]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

async function attempt(img, { size, wanted, model, engine, budgetMs, progressive, onPartial }, signal) {
  const { width, height } = wanted;
  const { url, version, read } = await request(img, signal);
  const source = await read();
  if (source instanceof Blob) await refuseUnsuitable(source);
  const { hash } = await modelFile(model, signal);
  const key = version && hash && { url, version, model: hash, library: VERSION, width, height };
  const kept = await find(key);
  if (kept) return { blob: kept, width, height, engine: null, fromCache: true };
  const made = await withUpscaler({ model, engine, signal }, async (upscaler) => {
    signal.throwIfAborted();
    const { ms } = await upscaler.estimate(size, wanted);
    if (ms > budgetMs) throw new Skip("too-slow", `it would take ${(ms / 1000).toFixed(1)} s`);
    const type = (await encodesWebp()) ? "image/webp" : "image/png";
    const how = { as: "blob", type, quality: QUALITY, priority: "background", signal };
    const partial = progressive ? await startPartial(source, wanted, onPartial, signal) : null;
    const onTile = partial && ((tile) => partial.add(tile));
    try {
      return { blob: await upscaler.upscale(source, { ...wanted, ...how, onTile }), engine: upscaler.engine };
    } finally {
      await partial?.end();
    }
  });
  // Showing the image does not wait for this.
  keep(key, made.blob);
  return { ...made, width, height, fromCache: false };
}

/** Rejects an animation, and a file that ends too early, so that part of the image is missing. */
async function refuseUnsuitable(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const header = await readAnyHeader(bytes);
  if (header?.animated) throw new Skip("animated");
  if (header && isTruncated(bytes, header.type)) throw new Skip("incomplete-file");
}

/** Starts to show the image with the parts that are done. */
async function startPartial(source, size, onPartial, signal) {
  const [{ Partial }, original] = await Promise.all([import("./partial.js"), createImageBitmap(source)]);
  return new Partial(original, size, (blob) => onPartial(blob, size, signal));
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
