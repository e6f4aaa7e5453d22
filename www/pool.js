// Workers that share the tiles of pictures.

import { Connection } from "./connection.js";
import { compile, startWorker } from "./fetch.js";

/** A GPU that says nothing for so long has failed (its first tile includes compiling shaders). */
const GPU_PATIENCE_MS = 60_000;

/** How much the last tile says of the time that tiles take. */
const NEWS = 0.5;

/** Which build of the wasm an engine is part of. */
const BUILDS = { webgpu: "lean", cpu: "lean", "burn-webgpu": "burn", "burn-cpu": "burn" };

/** Which build an engine needs; `auto` takes the small one. */
const buildOf = (engine) => BUILDS[engine] ?? "lean";

/** Fetches and compiles what an engine needs. */
export function prepare(engine, files) {
  return compile(buildOf(engine), files);
}

/** Begins with what an engine needs, before it is known what it shall compute: gives the pool's first worker. */
export function begin(engine, files) {
  // Whoever asks for it later is told what went wrong.
  prepare(engine, files).catch(() => {});
  return new Connection(startWorker(buildOf(engine), files));
}

/** How many workers there are on the CPU, if nobody says: as many as leave a core to the page. */
export function defaultWorkers() {
  const cores = (navigator.hardwareConcurrency ?? 2) - 1;
  // In GiB; each worker has a tile, and a wasm of its own.
  const memory = navigator.deviceMemory ?? 8;
  return Math.max(1, Math.min(cores, 8, memory));
}

export class Pool {
  #files;
  #request;
  #size;
  /** How many tiles a worker has at once. */
  #depth;
  #workers = [];
  /** Promises of workers that are being started. */
  #starting = [];
  #jobs = [];
  /** Which of the loops that hand out tiles are running: `depth` of them for each worker. */
  #busy = new Set();
  /** When the workers' last answers came. */
  #answered = [];
  #turns = 0;
  #ended = null;
  /** Milliseconds that a pixel of the input takes one worker. */
  #pace = null;

  /**
   * Loads a record with an engine in the first worker, which may have begun; further ones follow when there is work for
   * them.
   */
  static async open(engine, record, scale, workers, files, first) {
    const pool = new Pool();
    pool.#files = files;
    // On a GPU or with Burn's operators, one worker keeps everything busy, or has all memory.
    pool.#size = engine === "cpu" ? workers : 1;
    // While the GPU computes one tile, the worker cuts and stitches the other.
    pool.#depth = engine === "webgpu" ? 2 : 1;
    pool.#request = { type: "load", engine, record, scale };
    const { info } = await pool.#start(0, first);
    pool.engine = engine;
    pool.info = info;
    return pool;
  }

  async #start(index, worker = begin(this.#request.engine, this.#files)) {
    const { engine } = this.#request;
    worker.patienceMs = engine.endsWith("webgpu") ? GPU_PATIENCE_MS : Infinity;
    this.#workers[index] = worker;
    try {
      const wasm = await prepare(engine, this.#files);
      return await worker.call({ ...this.#request, wasm });
    } catch (error) {
      worker.terminate();
      throw error;
    }
  }

  /** A worker that can be called, a new one in the place of one that broke down. */
  async #worker(index) {
    if (this.#ended) throw this.#ended;
    const lacks = !this.#workers[index] || this.#workers[index].broken;
    if (lacks && !this.#starting[index]) {
      this.#starting[index] = this.#start(index).finally(() => (this.#starting[index] = null));
    }
    // One that is being started is there before it is loaded.
    await this.#starting[index];
    return this.#workers[index];
  }

  /** The tiles of a picture: eight numbers each, left, top, width and height of the core and of what it needs. */
  async tiles(width, height) {
    const worker = await this.#worker(0);
    const { tiles } = await worker.call({ type: "tiles", width, height, workers: this.#size });
    return Array.from({ length: tiles.length / 8 }, (_, i) => tiles.subarray(8 * i, 8 * i + 8));
  }

  /** Milliseconds for so many pixels of input, as far as the last tiles tell; null if there were none. */
  expect(pixels) {
    return this.#pace && (this.#pace * pixels) / this.#size;
  }

  /**
   * Takes tiles out of `waiting` until there are none; `take(tile, rgba)` gets each one's core. A tile that fails is
   * put back, and is the reason to end. Of several pictures those of the lowest `rank` go first, and those of one
   * rank take turns.
   */
  run(source, waiting, take, rank, signal) {
    return new Promise((resolve, reject) => {
      const job = { source, waiting, take, rank, signal, resolve, reject, turn: 0, busy: 0, error: this.#ended };
      this.#jobs.push(job);
      job.settle = () => this.#settle(job);
      signal?.addEventListener("abort", job.settle);
      this.#settle(job);
      for (let loop = 0; loop < this.#size * this.#depth; loop += 1) {
        if (!this.#busy.has(loop)) this.#work(loop);
      }
    });
  }

  #next() {
    const open = this.#jobs.filter((job) => job.waiting.length > 0 && !job.error && !job.signal?.aborted);
    return open.reduce((a, b) => (a && (a.rank - b.rank || a.turn - b.turn) <= 0 ? a : b), undefined);
  }

  async #work(loop) {
    this.#busy.add(loop);
    // Memory of the tile before, for the next one of this loop.
    let spare = {};
    for (let job = this.#next(); job; job = this.#next()) {
      const tile = job.waiting.shift();
      job.turn = this.#turns += 1;
      job.busy += 1;
      try {
        spare = await this.#upscale(loop % this.#size, job, tile, spare);
      } catch (error) {
        job.waiting.unshift(tile);
        job.error ??= error;
        spare = {};
      }
      job.busy -= 1;
      this.#settle(job);
    }
    this.#busy.delete(loop);
  }

  async #upscale(index, { source, take, signal }, tile, spare) {
    const { width, height } = source;
    const worker = await this.#worker(index);
    const { transfer, ...part } = await source.cut(tile.subarray(4), spare.input);
    const { output } = spare;
    if (output) transfer.push(output);
    const start = performance.now();
    const { rgba, input } = await worker.call({ type: "upscale", tile, width, height, ...part, spare: output }, transfer);
    const now = performance.now();
    // A tile that waited for another has taken only what came after that.
    const pace = (now - Math.max(start, this.#answered[index] ?? 0)) / (tile[2] * tile[3]);
    this.#answered[index] = now;
    this.#pace = this.#pace === null ? pace : (1 - NEWS) * this.#pace + NEWS * pace;
    if (!signal?.aborted) take(tile, rgba);
    return { input, output: rgba.buffer };
  }

  /** Ends a job that nobody works on and nobody will. */
  #settle(job) {
    if (job.busy > 0 || !(job.error || job.signal?.aborted || job.waiting.length === 0)) return;
    this.#jobs = this.#jobs.filter((other) => other !== job);
    // A signal may live longer than many pictures.
    job.signal?.removeEventListener("abort", job.settle);
    if (job.error) job.reject(job.error);
    else job.resolve();
  }

  /** Frees the workers; what waits is rejected with `error`, or else with `disposed`. */
  terminate(error) {
    for (const worker of this.#workers) worker?.terminate(error);
    this.#ended = error ?? this.#workers[0].broken;
    for (const job of this.#jobs) {
      job.error ??= this.#ended;
      this.#settle(job);
    }
  }
}
