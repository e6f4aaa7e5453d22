// Uprez: upscales images on the user's device.
//
//   import { load } from "./uprez.js";
//   const upscaler = await load();
//   const image = await upscaler.upscale(file);
//
// All computation runs in Web Workers. Only this project's own files are fetched.

// Imports of the modules below: listed here, they are fetched at the same time.
import "./canvas-check.js";
import "./image-header.js";
import "./worker-client.js";
import { UprezError } from "./error.js";
import { fetchAhead, fetchBytes, fetchRecord, fileName, site } from "./fetch.js";
import { Pool, begin, beginAhead, defaultWorkers } from "./pool.js";
import { RANKS, Scheduler } from "./scheduler.js";
import { Pixels, fetchSource, openSource } from "./source.js";
import { Whole, checkTarget, resultSize } from "./target.js";

export { UprezError };

const ENGINES = ["auto", "webgpu", "cpu", "burn-webgpu", "burn-cpu"];

/** The values of some options; the first one is the default. */
const CHOICES = {
  as: ["imagedata", "bitmap", "blob", "tiles"],
  colorSpace: ["srgb", "display-p3"],
  metadata: ["none", "keep", "keep-with-location"],
};

/** Results with longer sides may be too large for a canvas, or for a format. */
const SURE_SIDE = 4096;

/** The engine that takes over when a GPU fails. */
const FALLBACK = { webgpu: "cpu", "burn-webgpu": "burn-cpu" };

/** Attempts at an image when workers crash. */
const MAX_TRIES = 3;

/** Smallest and largest side and number of the images that measure speed for the first estimate; the first ones warm up. */
const PROBE_PX = [32, 128];
const PROBES = 3;

/** Large networks are measured with fewer and smaller images: no more than about so many multiplications and milliseconds. */
const PROBE_MULTIPLICATIONS = 2e10;
const PROBE_MS = 1000;

/** The smallest module with a SIMD instruction: `v128.const`, dropped. */
const SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 23, 1, 21, 0, 253, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 26, 11,
]);

function check(name, value, known) {
  if (known.includes(value)) return;
  const names = known.map((name) => `"${name}"`).join(", ");
  throw new TypeError(`${name} is "${value}", but must be one of ${names}`);
}

/**
 * Loads a model. Types and options are documented in uprez.d.ts.
 *
 * @type {typeof import("./uprez.d.ts").load}
 */
export async function load(model = "photo-x2", { engine = "auto", scale, workers, signal, ...where } = {}) {
  check("engine", engine, ENGINES);
  for (const [name, value] of Object.entries({ scale, workers })) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      throw new TypeError(`${name} is ${value}, but must be a whole number such as 2`);
    }
  }
  if (!WebAssembly.validate(SIMD)) {
    throw new UprezError("no-simd", "this browser has no WebAssembly SIMD, which every browser since 2023 has: update it");
  }
  signal?.throwIfAborted();
  const loading = open({ model, engine, scale, workers, signal, files: site(where) });
  return await (signal ? Promise.race([loading, aborted(signal, loading)]) : loading);
}

async function open({ model, engine, scale, workers, signal, files }) {
  const starting = start(engine, files);
  let upscaler;
  try {
    const [record, { chosen, worker }] = await Promise.all([fetchRecord(model, files, signal), starting]);
    signal?.throwIfAborted();
    upscaler = new Upscaler(record, engine, scale, workers ?? defaultWorkers(), files);
    const stop = () => {
      upscaler.dispose();
      worker.terminate(signal.reason);
    };
    signal?.addEventListener("abort", stop);
    try {
      await upscaler._start(chosen, worker);
    } finally {
      signal?.removeEventListener("abort", stop);
    }
    signal?.throwIfAborted();
    return upscaler;
  } catch (error) {
    upscaler?.dispose();
    starting.then(
      ({ worker }) => worker.terminate(),
      () => {},
    );
    throw error;
  }
}

/**
 * Fetches and compiles the files that `load` needs, and starts its first worker.
 *
 * @type {typeof import("./uprez.d.ts").preload}
 */
export async function preload(model = "photo-x2", { engine = "auto", signal, ...where } = {}) {
  check("engine", engine, ENGINES);
  const files = site(where);
  const started = chooseEngine(engine).then((chosen) => beginAhead(chosen, files));
  await Promise.all([started, fetchAhead(model, files, signal)]);
}

/**
 * Makes a model file of another project's weights.
 *
 * @type {typeof import("./uprez.d.ts").importModel}
 */
export async function importModel(source, { name, licence, credit, mean, range, activation, signal, ...where } = {}) {
  const files = site(where);
  const { checkSize, makeRecord } = await import("./import.js");
  if (source instanceof Blob) checkSize(source.size);
  const bytes = await fetchBytes(source, files, signal);
  const about = { file: fileName(source, files), name, licence, credit };
  return await makeRecord(bytes, about, { mean, range, activation }, files, signal);
}

/** A loaded model; made by `load`. */
export class Upscaler {
  /** The engine that runs; changes to the CPU if a GPU fails. */
  engine = "";
  /**
   * The record's metadata: `name`, `network`, `parameters`, `origin`, `scores`, …; `scale` is the one in use, and
   * `scales` lists all that the record has.
   */
  info = {};

  #record;
  #wanted;
  #scale;
  #workers;
  #files;
  /** Promise of the pool. */
  #pool = null;
  #scheduler = new Scheduler();
  #disposed = false;

  /** @private: use `load`. */
  constructor(record, wanted, scale, workers, files) {
    this.#record = record;
    this.#wanted = wanted;
    this.#scale = scale;
    this.#workers = workers;
    this.#files = files;
  }

  /** @private */
  async _start(engine, worker) {
    try {
      await this.#open(engine, worker);
    } catch (error) {
      const refused = ["bad-model", "unknown-scale"].includes(error.code);
      const fallback = this.#wanted === "auto" && !refused ? FALLBACK[engine] : undefined;
      // A record without a graph, as older versions wrote them.
      const next = error.code === "no-plan" ? `burn-${engine}` : fallback;
      if (!next) throw error;
      await this._start(next);
    }
  }

  #open(engine, first) {
    const opening = Pool.open(engine, this.#record, this.#scale, this.#workers, this.#files, first).then((pool) => {
      this.engine = pool.engine;
      this.info = pool.info;
      return pool;
    });
    this.#pool = opening;
    // Forget a failed promise so that the next call retries.
    opening.catch(() => this.#pool === opening && (this.#pool = null));
    return opening;
  }

  /**
   * The size of a result and the time to compute it; rejects with `too-large` if it would not fit.
   *
   * @type {import("./uprez.d.ts").Upscaler["estimate"]}
   */
  async estimate(size, target = {}) {
    checkTarget(target);
    this.#checkUse();
    const { scale } = this.info;
    const { width, height, passes } = await this.#resultSize(size, target, target);
    let pixels = 0;
    for (let pass = 0; pass < passes; pass += 1) pixels += size.width * size.height * scale ** (2 * pass);
    const expect = async () => (await (this.#pool ?? this.#open(this.engine))).expect(pixels);
    if ((await expect()) === null) await this.#probe();
    return { width, height, passes, ms: await expect() };
  }

  /** Measures speed. */
  async #probe() {
    const [least, most] = PROBE_PX;
    // On a small image, a network multiplies each pixel with each parameter, or more often.
    const px = Math.floor(Math.sqrt(PROBE_MULTIPLICATIONS / (Number(this.info.parameters) || 1)));
    const side = Math.max(least, Math.min(most, px));
    const image = new ImageData(side, side);
    image.data.fill(255);
    const start = performance.now();
    for (let probe = 0; probe < PROBES && performance.now() - start < PROBE_MS; probe += 1) await this.upscale(image);
  }

  /**
   * Upscales an image to a target size, or by the model's scale.
   *
   * @type {import("./uprez.d.ts").Upscaler["upscale"]}
   */
  async upscale(source, options = {}) {
    const { signal, type = "image/png", priority = "user-visible" } = options;
    const { scale, width, height, fit } = options;
    const target = { scale, width, height, fit };
    const how = { ...options, rank: RANKS[priority], type, files: this.#files };
    for (const [name, known] of Object.entries(CHOICES)) check(name, (how[name] ??= known[0]), known);
    check("priority", priority, Object.keys(RANKS));
    if (how.as === "tiles" && !how.onTile) throw new TypeError('as: "tiles" needs onTile, which gets the tiles');
    checkTarget(target);
    this.#checkUse();
    const call = this.#enter(source, target, how);
    // Reject at once, even while a tile is being computed.
    return signal ? Promise.race([call, aborted(signal, call)]) : call;
  }

  #checkUse() {
    if (this.#disposed) throw new UprezError("disposed", "this upscaler was disposed of");
  }

  async #enter(source, target, options) {
    const { rank, signal } = options;
    // Before the turn: an image that does not arrive must not hold up others.
    const fetched = await fetchSource(source, signal);
    const leave = await this.#scheduler.enter(rank, signal);
    try {
      return await this.#upscale(fetched, target, options);
    } finally {
      leave();
    }
  }

  async #upscale(source, target, options) {
    this.#checkUse();
    const { signal } = options;
    if (options.colorSpace !== "srgb") (await import("./colour.js")).checkDisplayP3();
    const check = (size) => this.#resultSize(size, target, options);
    const image = await openSource(source, { ...options, check });
    const job = { ...options, source, scale: this.info.scale, image, encoder: null };
    try {
      signal?.throwIfAborted();
      return await this.#work(job, await check(image));
    } finally {
      job.image.close();
      job.encoder?.close();
    }
  }

  /** Rejects if the result is too large. */
  async #resultSize(size, target, { as, type = "image/png" }) {
    const isPng = as === "blob" && type === "image/png";
    const result = resultSize(size, target, this.info.scale, isPng || as === "tiles");
    const isLarge = Math.max(result.width, result.height) > SURE_SIDE;
    if (isLarge && ["bitmap", "blob"].includes(as)) (await import("./encode.js")).isWrittenInRows(result, { as, type });
    return result;
  }

  async #work(job, { width, height, passes }) {
    const progress = await this.#plan(job, passes);
    for (let pass = 1; pass < passes; pass += 1) {
      const between = new Whole(enlarged(job), job.scale, job.colorSpace);
      await this.#pass(job, between, progress);
      job.image.close();
      job.image = new Pixels(between.image.width, between.image.height, between.image.data);
    }
    const from = enlarged(job);
    const isPlain = from.width === width && from.height === height && !job.onTile && !["blob", "tiles"].includes(job.as);
    let result;
    if (isPlain) {
      const whole = new Whole(from, job.scale, job.colorSpace);
      await this.#pass(job, whole, progress);
      result = whole.image;
    } else {
      const { finish } = await import("./encode.js");
      const run = (output) => this.#pass(job, output, progress);
      result = await finish(job, from, { width, height }, progress.passes[0], run);
    }
    return job.as === "bitmap" ? await createImageBitmap(result) : result;
  }

  /** The tiles of all passes. */
  async #plan({ image: { width, height }, scale, onProgress, signal }, passes) {
    const tiles = async (pass) => {
      const factor = scale ** pass;
      return await this.#retry((pool) => pool.tiles(width * factor, height * factor));
    };
    const progress = { passes: await Promise.all(Array.from({ length: passes }, (_, pass) => tiles(pass))) };
    const total = progress.passes.reduce((sum, tiles) => sum + tiles.length, 0);
    let done = 0;
    progress.step = (tiles) => {
      done += tiles;
      if (!signal?.aborted) onProgress?.({ done, total });
    };
    progress.step(0);
    return progress;
  }

  async #pass({ image, rank, signal }, output, progress) {
    const waiting = progress.passes.shift();
    const take = async (tile, rgba) => {
      const kept = await output.take(tile, rgba);
      progress.step(1);
      return kept;
    };
    await this.#retry((pool) => pool.run(image, waiting, take, rank, signal));
    signal?.throwIfAborted();
  }

  /** Runs `work` with the pool, again on the CPU if the GPU fails, and with a new worker if one crashes. */
  async #retry(work) {
    for (let tries = MAX_TRIES; ; tries -= 1) {
      const opening = this.#pool ?? this.#open(this.engine);
      const pool = await opening;
      try {
        return await work(pool);
      } catch (error) {
        const failed = ["gpu-failed", "worker-failed"].includes(error.code);
        if (this.#disposed || !failed || tries === 1) throw error;
        const next = FALLBACK[pool.engine];
        // Another image may have replaced the pool already.
        if (next && this.#pool === opening) {
          this.#open(next);
          pool.terminate(error);
        }
      }
    }
  }

  /** Frees the workers and their memory; pending calls are rejected. */
  dispose() {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#pool?.then(
      (pool) => pool.terminate(),
      () => {},
    );
  }
}

/** The size of the output of a pass. */
function enlarged({ image: { width, height }, scale }) {
  return { width: width * scale, height: height * scale };
}

/** A promise that rejects when `signal` aborts before `call` ends. */
function aborted(signal, call) {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    call.catch(() => {}).then(() => signal.removeEventListener("abort", abort));
  });
}

/** The engine to try first, and its first worker, which is starting. */
async function start(engine, files) {
  const chosen = await chooseEngine(engine);
  return { chosen, worker: begin(chosen, files) };
}

/** The engine to try first. */
async function chooseEngine(wanted) {
  const usesGpu = wanted.endsWith("webgpu");
  if (wanted !== "auto" && !usesGpu) return wanted;
  let adapter = null;
  try {
    adapter = await navigator.gpu?.requestAdapter();
  } catch {
    // Treated as no adapter.
  }
  if (usesGpu) {
    if (adapter) return wanted;
    throw new UprezError("no-webgpu", 'this browser has no WebGPU; use the engine "auto" or "cpu"');
  }
  // A software GPU is slower than the CPU engine.
  const software = adapter?.info?.isFallbackAdapter ?? adapter?.isFallbackAdapter ?? false;
  return adapter && !software ? "webgpu" : "cpu";
}
