// From a small picture to a sharp one.

import { isAnimated } from "./animated.js";
import { find, keep } from "./cache.js";
import { options } from "./options.js";
import { pixels, request } from "./original.js";
import { target } from "./policy.js";
import { Skip } from "./state.js";
import { withUpscaler } from "./upscalers.js";

/** Quality of what is kept, where the browser can encode WebP; the small picture had less. */
const QUALITY = 0.92;

/** What was estimated may be wrong by so much before it is given up. */
const OVERTIME = 2;

/**
 * Makes a sharp picture for the box that an <img> is shown in, or finds it where it was kept.
 *
 * @param {HTMLImageElement} img
 * @param {{ width: number, height: number }} box in CSS pixels
 * @param {{ signal: AbortSignal, onStart: () => void }} options told once it is clear that it would help
 * @returns {Promise<{ blob: Blob, width: number, height: number, engine: string | null, fromCache: boolean }>}
 *   rejects with `Skip` where the picture stays as it is
 */
export async function sharpen(img, box, { signal, onStart }) {
  const size = await pixels(img);
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
  if (source instanceof Blob && (await isAnimated(source))) throw new Skip("animated");
  const made = await withUpscaler({ model, engine }, (upscaler) =>
    upscale(upscaler, { source, size, wanted, budgetMs, signal }),
  );
  // The picture is shown meanwhile.
  keep(key, made.blob);
  return { ...made, width, height, fromCache: false };
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
