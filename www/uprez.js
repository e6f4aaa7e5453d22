// Uprez: upscales pictures on the visitor's machine.
//
//   import { load } from "./uprez.js";
//   const upscaler = await load("fast-x2");
//   const image = await upscaler.upscale(file);
//
// All work happens in Web Workers. The page is asked for nothing but this project's own files.

import { UprezError } from "./error.js";
import { Pool, defaultWorkers, prepare } from "./pool.js";
import { open } from "./source.js";

export { UprezError };

/** Shipped models lie here, whatever folder the page is served from. */
const MODELS = new URL("./models/", import.meta.url);

/** Most pixels of a result: four bytes each, in one block. */
const MAX_OUTPUT_PIXELS = 160e6;

/** What can be asked for by name. */
const ENGINES = ["auto", "webgpu", "cpu", "burn-webgpu", "burn-cpu"];

/** What finishes a picture that a GPU could not. */
const INSTEAD = { webgpu: "cpu", "burn-webgpu": "burn-cpu" };

/** The smallest module that uses a vector: `v128.const`, dropped. */
const SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 23, 1, 21, 0, 253, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 26, 11,
]);

/**
 * Loads a model.
 *
 * @param {string | URL | ArrayBuffer | Uint8Array | Blob} model a shipped name, a URL, or a file's bytes
 * @param {{ engine?: "auto" | "webgpu" | "cpu" | "burn-webgpu" | "burn-cpu", scale?: number, workers?: number,
 *   signal?: AbortSignal }} [options]
 *   `engine`: `auto` takes WebGPU where there is a hardware adapter, else the CPU; both run the network's plan, and
 *   where it has none, Burn's own operators (`burn-…`) are fetched, which are some megabytes;
 *   `scale`: one of the model's `info.scales`, as a LapSRN for ×8 is one for ×4 and ×2, too; else its own;
 *   `workers`: how many share the tiles on the CPU; else one less than there are cores, and eight at most
 * @returns {Promise<Upscaler>}
 */
export async function load(model = "fast-x2", { engine = "auto", scale, workers, signal } = {}) {
  if (!ENGINES.includes(engine)) {
    const names = ENGINES.map((name) => `"${name}"`).join(", ");
    throw new TypeError(`engine is "${engine}", but has to be one of ${names}`);
  }
  for (const [name, value] of Object.entries({ scale, workers })) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      throw new TypeError(`${name} is ${value}, but has to be a whole number such as 2`);
    }
  }
  if (!WebAssembly.validate(SIMD)) {
    throw new UprezError("no-simd", "this browser is too old: it has no WebAssembly SIMD; any browser since 2023 has");
  }
  prepare(engine);
  const [record, chosen] = await Promise.all([fetchRecord(model, signal), chooseEngine(engine)]);
  const upscaler = new Upscaler(record, engine, scale, workers ?? defaultWorkers());
  await upscaler._start(chosen);
  return upscaler;
}

/** A model, loaded and ready; made by `load`. */
export class Upscaler {
  /**
   * What really runs: `"webgpu"` or `"cpu"`, or one of them on Burn's operators, `"burn-webgpu"` or `"burn-cpu"`; a
   * GPU that fails later leaves its place to the CPU.
   */
  engine = "";
  /**
   * The record's metadata: `name`, `network`, `parameters`, `origin`, `scores`, …; `scale` is the one in use,
   * `scales` are those that the record has.
   */
  info = {};

  #record;
  #wanted;
  #scale;
  #workers;
  #pool = null;
  #queue = Promise.resolve();
  #disposed = false;

  /** @private: use `load`. */
  constructor(record, wanted, scale, workers) {
    this.#record = record;
    this.#wanted = wanted;
    this.#scale = scale;
    this.#workers = workers;
  }

  /** @private */
  async _start(engine) {
    try {
      await this.#open(engine);
    } catch (error) {
      const refused = ["bad-model", "unknown-scale"].includes(error.code);
      const instead = this.#wanted === "auto" && !refused ? INSTEAD[engine] : undefined;
      const next = error.code === "no-plan" ? `burn-${engine}` : instead;
      if (!next) throw error;
      await this._start(next);
    }
  }

  async #open(engine) {
    this.#pool?.terminate();
    this.#pool = null;
    const pool = await Pool.open(engine, this.#record, this.#scale, this.#workers);
    this.#pool = pool;
    this.engine = pool.engine;
    this.info = pool.info;
  }

  /**
   * Upscales a picture by the model's scale. Several calls wait for each other, in order.
   *
   * @param {Blob | ImageData | ImageBitmap | HTMLImageElement | HTMLCanvasElement | OffscreenCanvas} source not to be
   *   changed before this is done
   * @param {{ signal?: AbortSignal, onProgress?: (progress: { done: number, total: number }) => void }} [options]
   *   aborting rejects with an `AbortError` at once, and the upscaler stays usable
   * @returns {Promise<ImageData>}
   */
  upscale(source, { signal, onProgress } = {}) {
    const turn = this.#queue.then(() => this.#upscale(source, signal, onProgress));
    this.#queue = turn.catch(() => {});
    // Whoever waits for his turn, or for a tile to end, is let go at once.
    return signal ? Promise.race([turn, aborted(signal, turn)]) : turn;
  }

  async #upscale(source, signal, onProgress) {
    if (this.#disposed) throw new UprezError("disposed", "this upscaler was disposed of");
    signal?.throwIfAborted();
    const { scale } = this.info;
    const picture = await open(source, MAX_OUTPUT_PIXELS / scale ** 2);
    try {
      return await this.#run(picture, scale, signal, onProgress);
    } finally {
      picture.close();
    }
  }

  async #run(picture, scale, signal, onProgress) {
    const output = blank(picture.width * scale, picture.height * scale);
    const tiles = await this.#finish(() => this.#pool.tiles(picture.width, picture.height));
    const total = tiles.length;
    let done = 0;
    const report = () => {
      // Whoever has aborted hears no more of it.
      if (!signal?.aborted) onProgress?.({ done, total });
    };
    const take = (tile, rgba) => {
      paste(output, tile, scale, rgba);
      done += 1;
      report();
    };
    report();
    await this.#finish(() => this.#pool.run(picture, tiles, take, signal));
    signal?.throwIfAborted();
    return output;
  }

  /** Does the work; where a GPU fails in it, the CPU goes on. */
  async #finish(work) {
    try {
      if (!this.#pool) await this.#open(this.engine);
      return await work();
    } catch (error) {
      const next = INSTEAD[this.engine];
      if (this.#disposed || !next || !["gpu-failed", "worker-failed"].includes(error.code)) throw error;
      await this.#open(next);
      return await work();
    }
  }

  /** Frees the workers and their memory; calls that wait are refused. */
  dispose() {
    this.#disposed = true;
    this.#pool?.terminate();
  }
}

function blank(width, height) {
  try {
    return new ImageData(width, height);
  } catch {
    throw new UprezError("too-large", `there is no memory for a picture of ${width} × ${height} pixels`);
  }
}

/** Puts a tile's core, enlarged, into its place. */
function paste(image, [x, y, width, height], scale, rgba) {
  const length = 4 * width * scale;
  for (let row = 0; row < height * scale; row += 1) {
    const start = 4 * ((y * scale + row) * image.width + x * scale);
    image.data.set(rgba.subarray(row * length, (row + 1) * length), start);
  }
}

/** A promise that rejects when `signal` aborts, and is forgotten when `turn` ends. */
function aborted(signal, turn) {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    turn.catch(() => {}).then(() => signal.removeEventListener("abort", abort));
  });
}

/** The engine to begin with. */
async function chooseEngine(wanted) {
  const usesGpu = wanted.endsWith("webgpu");
  if (wanted !== "auto" && !usesGpu) return wanted;
  let adapter = null;
  try {
    adapter = await navigator.gpu?.requestAdapter();
  } catch {
    // No adapter, then.
  }
  if (usesGpu) {
    if (adapter) return wanted;
    throw new UprezError("no-webgpu", 'this browser offers no WebGPU; use the engine "auto" or "cpu"');
  }
  // A GPU in software is slower than the CPU is.
  const software = adapter?.info?.isFallbackAdapter ?? adapter?.isFallbackAdapter ?? false;
  return adapter && !software ? "webgpu" : "cpu";
}

/** The bytes of a model. */
async function fetchRecord(model, signal) {
  if (model instanceof Blob) return new Uint8Array(await model.arrayBuffer());
  if (model instanceof ArrayBuffer) return new Uint8Array(model.slice(0));
  if (ArrayBuffer.isView(model)) {
    return new Uint8Array(model.buffer, model.byteOffset, model.byteLength).slice();
  }
  const shipped = typeof model === "string" && /^[\w-]+$/.test(model);
  const url = shipped ? new URL(`${model}.bpk`, MODELS) : new URL(model, document.baseURI);
  const failed = (why) => new UprezError("no-model", `the model ${url.href} cannot be fetched (${why})`);
  let response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw failed(error.message);
  }
  if (!response.ok) throw failed(`status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
