// Upscales images of noise, for the benchmark in the browser.
//
// Hooks for the benchmark: uprez_bench.

import { load } from "/uprez.js";

const upscalers = new Map();
const pictures = new Map();
let wasm;
/** The last result, kept alive so that it counts in the measurement of memory. */
let result;

window.uprez_bench = {
  /** Loads a model under a name. */
  async load(name, model, workers, engine) {
    upscalers.set(name, await load(model, { engine, workers: workers ?? undefined }));
  },

  /** A loaded model's scale. */
  scale: (name) => upscalers.get(name).info.scale,

  /** Makes a square image in advance. */
  prepare(side) {
    picture(side);
  },

  /** Upscales a square image, and keeps the result. */
  async upscale(name, side) {
    result = null;
    result = await upscalers.get(name).upscale(picture(side));
  },

  /** Milliseconds of calls of upscale(). */
  async time(name, side, warmUp, runs) {
    const times = [];
    for (let i = 0; i < warmUp + runs; i += 1) {
      const start = performance.now();
      await this.upscale(name, side);
      times.push(performance.now() - start);
    }
    return times.slice(warmUp);
  },

  /** Milliseconds of the wasm's calls alone, for all tiles of an image. */
  timeWasm(model, side, warmUp, runs) {
    wasm ??= new Worker(new URL("./wasm.js", import.meta.url), { type: "module" });
    return new Promise((resolve, reject) => {
      wasm.onmessage = ({ data }) => resolve(data);
      wasm.onerror = (event) => reject(new Error(event.message));
      wasm.postMessage({ model, rgba: picture(side).data, side, warmUp, runs });
    });
  },

  /** Largest difference from onnxruntime-web's result, in 8-bit steps. */
  async difference(name, side) {
    await this.upscale(name, side);
    const planes = Float32Array.from({ length: 3 * side ** 2 }, (_, i) => {
      return picture(side).data[4 * (i % side ** 2) + Math.floor(i / side ** 2)] / 255;
    });
    const values = await ort_bench.output(planes, side, side);
    const pixels = values.length / 3;
    const bytes = Uint8ClampedArray.from(values, (value) => 255 * value);
    return bytes.reduce((most, byte, i) => {
      return Math.max(most, Math.abs(byte - result.data[4 * (i % pixels) + Math.floor(i / pixels)]));
    }, 0);
  },
};

/** An image of opaque noise, the same in every run. */
function picture(side) {
  if (!pictures.has(side)) {
    const image = new ImageData(side, side);
    const values = new Uint32Array(image.data.buffer);
    let state = 1;
    for (let i = 0; i < values.length; i += 1) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      values[i] = 0xff000000 | (state >>> 8);
    }
    pictures.set(side, image);
  }
  return pictures.get(side);
}
