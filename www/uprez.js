// Uprez: upscales pictures on the visitor's machine.
//
//   import { load } from "./uprez.js";
//   const upscaler = await load("fast-x2");
//   const image = await upscaler.upscale(file);
//
// All work happens in Web Workers. The page is asked for nothing but this project's own files.

// What the modules below import, so that it comes with them and not after them.
import "./connection.js";
import "./header.js";
import "./truth.js";
import { UprezError } from "./error.js";
import { fetchAhead, fetchRecord, site } from "./fetch.js";
import { Pool, begin, defaultWorkers, prepare } from "./pool.js";
import { Pixels, open } from "./source.js";
import { Whole, checkTarget, resultSize } from "./target.js";
import { RANKS, Turns } from "./turns.js";

export { UprezError };

/** What can be asked for by name. */
const ENGINES = ["auto", "webgpu", "cpu", "burn-webgpu", "burn-cpu"];

/** What comes back can be one of these. */
const RESULTS = ["imagedata", "bitmap", "blob"];

/** What finishes a picture that a GPU could not. */
const INSTEAD = { webgpu: "cpu", "burn-webgpu": "burn-cpu" };

/** How often a picture is tried when workers break down. */
const TRIES = 3;

/** Side of a picture that tells how fast tiles are, and how often it is tried: the first ones warm up. */
const PROBE_PX = 128;
const PROBES = 3;

/** The smallest module that uses a vector: `v128.const`, dropped. */
const SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 23, 1, 21, 0, 253, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 26, 11,
]);

function check(name, value, known) {
  if (known.includes(value)) return;
  const names = known.map((name) => `"${name}"`).join(", ");
  throw new TypeError(`${name} is "${value}", but has to be one of ${names}`);
}

/**
 * Loads a model. Types and options of everything here stand in uprez.d.ts.
 *
 * @type {typeof import("./uprez.d.ts").load}
 */
export async function load(model = "fast-x2", { engine = "auto", scale, workers, signal, ...where } = {}) {
  check("engine", engine, ENGINES);
  for (const [name, value] of Object.entries({ scale, workers })) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      throw new TypeError(`${name} is ${value}, but has to be a whole number such as 2`);
    }
  }
  if (!WebAssembly.validate(SIMD)) {
    throw new UprezError("no-simd", "this browser is too old: it has no WebAssembly SIMD; any browser since 2023 has");
  }
  const files = site(where);
  const worker = begin(engine, files);
  try {
    const [record, chosen] = await Promise.all([fetchRecord(model, files, signal), chooseEngine(engine)]);
    const upscaler = new Upscaler(record, engine, scale, workers ?? defaultWorkers(), files);
    await upscaler._start(chosen, worker);
    return upscaler;
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

/**
 * Fetches and compiles what `load` will need.
 *
 * @type {typeof import("./uprez.d.ts").preload}
 */
export async function preload(model = "fast-x2", { engine = "auto", signal, ...where } = {}) {
  check("engine", engine, ENGINES);
  const files = site(where);
  await Promise.all([prepare(engine, files), fetchAhead(model, files, signal)]);
}

/** A model, loaded and ready; made by `load`. */
export class Upscaler {
  /** What really runs; a GPU that fails later leaves its place to the CPU. */
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
  #files;
  /** A promise of the workers. */
  #pool = null;
  #turns = new Turns();
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
      const instead = this.#wanted === "auto" && !refused ? INSTEAD[engine] : undefined;
      const next = error.code === "no-plan" ? `burn-${engine}` : instead;
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
    // Whoever comes next may have more luck.
    opening.catch(() => this.#pool === opening && (this.#pool = null));
    return opening;
  }

  /**
   * The size of a picture's result, and how long it would take; the error `too-large` where it would not fit.
   *
   * @type {import("./uprez.d.ts").Upscaler["estimate"]}
   */
  async estimate(size, target = {}) {
    checkTarget(target);
    const { scale } = this.info;
    const { width, height, passes } = resultSize(size, target, scale);
    let pixels = 0;
    for (let pass = 0; pass < passes; pass += 1) pixels += size.width * size.height * scale ** (2 * pass);
    const expect = async () => (await (this.#pool ?? this.#open(this.engine))).expect(pixels);
    if ((await expect()) === null) await this.#probe();
    return { width, height, passes, ms: await expect() };
  }

  /** Finds out how fast tiles are. */
  async #probe() {
    const image = new ImageData(PROBE_PX, PROBE_PX);
    image.data.fill(255);
    for (let probe = 0; probe < PROBES; probe += 1) await this.upscale(image);
  }

  /**
   * Upscales a picture to a target, or by the model's scale.
   *
   * @type {import("./uprez.d.ts").Upscaler["upscale"]}
   */
  async upscale(source, options = {}) {
    const { signal, onProgress, as = "imagedata", type = "image/png", quality, priority = "user-visible" } = options;
    const { scale, width, height, fit } = options;
    const target = { scale, width, height, fit };
    check("as", as, RESULTS);
    check("priority", priority, Object.keys(RANKS));
    checkTarget(target);
    if (this.#disposed) throw new UprezError("disposed", "this upscaler was disposed of");
    const rank = RANKS[priority];
    const turn = this.#turns.enter(rank, signal).then(async (leave) => {
      try {
        return await this.#upscale(source, target, { signal, onProgress, rank, as, type, quality });
      } finally {
        leave();
      }
    });
    // Whoever waits for a tile to end is let go at once.
    return signal ? Promise.race([turn, aborted(signal, turn)]) : turn;
  }

  async #upscale(source, target, options) {
    if (this.#disposed) throw new UprezError("disposed", "this upscaler was disposed of");
    const { signal } = options;
    const { scale } = this.info;
    const picture = await open(source, (size) => resultSize(size, target, scale), this.#files, signal);
    const job = { ...options, scale, picture, finisher: null };
    try {
      signal?.throwIfAborted();
      return await this.#work(job, resultSize(picture, target, scale));
    } finally {
      job.picture.close();
      job.finisher?.close();
    }
  }

  async #work(job, { width, height, passes }) {
    const progress = await this.#plan(job, passes);
    for (let pass = 1; pass < passes; pass += 1) {
      const between = new Whole(enlarged(job), job.scale);
      await this.#pass(job, between, progress);
      job.picture.close();
      job.picture = new Pixels(between.image.width, between.image.height, between.image.data);
    }
    const from = enlarged(job);
    const fits = from.width === width && from.height === height;
    const finish = !fits || job.as === "blob" ? await import("./finish.js") : null;
    if (finish) job.finisher = new finish.Finisher(this.#files);
    let image;
    if (fits) {
      const whole = new Whole(from, job.scale);
      await this.#pass(job, whole, progress);
      image = whole.image;
    } else {
      await job.finisher.begin(from, { width, height });
      const push = (rgba) => job.finisher.push(rgba);
      await this.#pass(job, new finish.Bands(progress.passes[0], from.width, job.scale, push), progress);
    }
    if (job.as === "blob") return await job.finisher.encode({ width, height }, image, job);
    image ??= new ImageData(await job.finisher.end(), width, height);
    return job.as === "bitmap" ? await createImageBitmap(image) : image;
  }

  /** The tiles of all passes. */
  async #plan({ picture: { width, height }, scale, onProgress, signal }, passes) {
    const tiles = async (pass) => {
      const factor = scale ** pass;
      return await this.#finish((pool) => pool.tiles(width * factor, height * factor));
    };
    const progress = { passes: await Promise.all(Array.from({ length: passes }, (_, pass) => tiles(pass))) };
    const total = progress.passes.reduce((sum, tiles) => sum + tiles.length, 0);
    let done = 0;
    progress.step = (tiles) => {
      done += tiles;
      // Whoever has aborted hears no more of it.
      if (!signal?.aborted) onProgress?.({ done, total });
    };
    progress.step(0);
    return progress;
  }

  async #pass({ picture, rank, signal }, output, progress) {
    const waiting = progress.passes.shift();
    const take = (tile, rgba) => {
      output.take(tile, rgba);
      progress.step(1);
    };
    await this.#finish((pool) => pool.run(picture, waiting, take, rank, signal));
    signal?.throwIfAborted();
  }

  /** Does the work; where a GPU fails in it, the CPU goes on, and where a worker does, another one. */
  async #finish(work) {
    for (let tries = TRIES; ; tries -= 1) {
      const opening = this.#pool ?? this.#open(this.engine);
      const pool = await opening;
      try {
        return await work(pool);
      } catch (error) {
        const failed = ["gpu-failed", "worker-failed"].includes(error.code);
        if (this.#disposed || !failed || tries === 1) throw error;
        const next = INSTEAD[pool.engine];
        // Other pictures may have seen it before.
        if (next && this.#pool === opening) {
          this.#open(next);
          pool.terminate(error);
        }
      }
    }
  }

  /** Frees the workers and their memory; calls that wait are refused. */
  dispose() {
    this.#disposed = true;
    this.#pool?.then(
      (pool) => pool.terminate(),
      () => {},
    );
  }
}

/** The sides of what a pass makes. */
function enlarged({ picture: { width, height }, scale }) {
  return { width: width * scale, height: height * scale };
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
