// What the workers do that upscale: hold a model, and upscale tile by tile.

import { pixels, serve, start } from "./serve.js";

/** Serves with a build's `init` and `Upscaler`. */
export function serveUpscaler(init, Upscaler) {
  let upscaler;
  let canvas;

  async function load({ wasm, record, scale, engine }) {
    await start(init, wasm);
    upscaler = await Upscaler.load(record, scale, engine);
    const info = { ...JSON.parse(upscaler.description), scale: upscaler.scale, scales: [...upscaler.scales] };
    // Scores belong to the record's own scale, which is the largest.
    if (info.scale !== Math.max(...info.scales)) info.scores = [];
    return { info };
  }

  async function tiles({ width, height, workers }) {
    return { tiles: upscaler.tiles(width, height, workers) };
  }

  /** `spare` is memory that the page is done with: what waits for the garbage collector adds up. */
  async function upscale({ tile, width, height, rgba, bitmap, spare }) {
    if (bitmap) canvas ??= new OffscreenCanvas(1, 1);
    const input = rgba ?? pixels(bitmap, canvas);
    const length = 4 * tile[2] * tile[3] * upscaler.scale ** 2;
    const buffer = spare?.byteLength >= length ? spare : new ArrayBuffer(length);
    const target = new Uint8Array(buffer, 0, length);
    await upscaler.upscale(input, tile, width, height, target);
    return { rgba: target, input: input.buffer, transfer: [buffer, input.buffer] };
  }

  serve({ load, tiles, upscale });
}
