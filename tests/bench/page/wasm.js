// A worker that only makes the wasm calls of www/workers/worker-upscale.js.

import init, { Upscaler } from "/source/pkg/cpu/web.js";

const upscalers = new Map();

self.onmessage = async ({ data: { model, rgba, side, warmUp, runs } }) => {
  try {
    if (!upscalers.has(model)) upscalers.set(model, await open(model));
    const upscaler = upscalers.get(model);
    const parts = tiles(upscaler, side).map((tile) => ({ tile, part: cut(rgba, side, ...tile.subarray(4)) }));
    const times = [];
    for (let i = 0; i < warmUp + runs; i += 1) {
      let time = 0;
      for (const { tile, part } of parts) {
        const start = performance.now();
        const target = new Uint8Array(4 * tile[2] * tile[3] * upscaler.scale ** 2);
        await upscaler.upscale(part, tile, side, side, target);
        time += performance.now() - start;
      }
      times.push(time);
    }
    self.postMessage(times.slice(warmUp));
  } catch (error) {
    // Throw outside the promise, so that the page gets an error event.
    setTimeout(() => {
      throw error;
    });
  }
};

async function open(model) {
  const response = await fetch(model);
  if (!response.ok) throw new Error(`${model}: status ${response.status}`);
  await init({ module_or_path: "/source/pkg/cpu/web_bg.wasm" });
  return await Upscaler.load(new Uint8Array(await response.arrayBuffer()), undefined, "cpu");
}

/** The tiles, as arrays of eight numbers each. */
function tiles(upscaler, side) {
  const numbers = upscaler.tiles(side, side, 1);
  return Array.from({ length: numbers.length / 8 }, (_, i) => numbers.subarray(8 * i, 8 * i + 8));
}

function cut(rgba, side, x, y, width, height) {
  const part = new Uint8Array(4 * width * height);
  for (let row = 0; row < height; row += 1) {
    const start = 4 * ((y + row) * side + x);
    part.set(rgba.subarray(start, start + 4 * width), 4 * width * row);
  }
  return part;
}
