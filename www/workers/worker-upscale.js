// The requests that an upscaling worker answers: load a model, upscale tiles.

import { bitmapPixels, loadWasm, serve } from "./worker-server.js";

/** Answers requests with a build's `init` and `Upscaler`. */
export function serveUpscaler(init, Upscaler) {
  let upscaler;
  /** Canvases by colour space. */
  const canvases = {};

  async function load({ wasm, record, scale, engine }) {
    await loadWasm(init, wasm);
    upscaler = await Upscaler.load(record, scale, engine);
    const info = { ...JSON.parse(upscaler.description), scale: upscaler.scale, scales: [...upscaler.scales] };
    // The scores are those of the record's own scale, the largest.
    if (info.scale !== Math.max(...info.scales)) info.scores = [];
    return { info };
  }

  async function tiles({ width, height, workers }) {
    return { tiles: upscaler.tiles(width, height, workers) };
  }

  /** `spare` is a buffer to use again: new ones would pile up until the next garbage collection. */
  async function upscale({ tile, width, height, rgba, bitmap, colorSpace, spare }) {
    if (bitmap) canvases[colorSpace] ??= new OffscreenCanvas(1, 1);
    const input = rgba ?? bitmapPixels(bitmap, colorSpace, canvases[colorSpace]);
    const length = 4 * tile[2] * tile[3] * upscaler.scale ** 2;
    const buffer = spare?.byteLength >= length ? spare : new ArrayBuffer(length);
    const target = new Uint8Array(buffer, 0, length);
    await upscaler.upscale(input, tile, width, height, target);
    return { rgba: target, input: input.buffer, transfer: [buffer, input.buffer] };
  }

  serve({ load, tiles, upscale });
}
