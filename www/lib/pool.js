// Distributes the tiles of images to workers.

import { compile, startWorker } from "./fetch.js";
import { WorkerClient } from "./worker-client.js";

/** A GPU that does not answer for this long has failed; its first tile includes compiling shaders. */
const GPU_TIMEOUT_MS = 60_000;

/** Weight of the newest sample in the moving average of tile times. */
const PACE_WEIGHT = 0.5;

/** The wasm build that has an engine. */
const BUILDS = { webgpu: "webgpu", cpu: "cpu", "burn-webgpu": "burn", "burn-cpu": "burn" };

/** Fetches and compiles what an engine needs. */
function prepare(engine, files) {
  return compile(BUILDS[engine], files);
}

/** Workers that `beginAhead` has started, by engine and place of the files. */
const ahead = new Map();

const place = (engine, { base }) => `${BUILDS[engine]} ${base ?? ""}`;

/** Starts fetching the wasm of an engine, and its first worker. */
export function begin(engine, files) {
  // The next `prepare` reports the error.
  prepare(engine, files).catch(() => {});
  const key = place(engine, files);
  const started = ahead.get(key);
  ahead.delete(key);
  return started && !started.broken ? started : new WorkerClient(startWorker(BUILDS[engine], files));
}

/** Compiles the wasm of an engine, and starts a worker for the next `begin`. */
export async function beginAhead(engine, files) {
  const key = place(engine, files);
  if (!ahead.has(key)) ahead.set(key, new WorkerClient(startWorker(BUILDS[engine], files)));
  await prepare(engine, files);
}

/** The default number of workers on the CPU: leaves one core to the page. */
export function defaultWorkers() {
  const cores = (navigator.hardwareConcurrency ?? 2) - 1;
  // In GiB; each worker has its own wasm memory.
  const memory = navigator.deviceMemory ?? 8;
  return Math.max(1, Math.min(cores, 8, memory));
}

export class Pool {
  #files;
  #request;
  #size;
  /** Tiles that a worker has at once. */
  #depth;
  #workers = [];
  /** Promises of workers that are starting. */
  #starting = [];
  #jobs = [];
  /** The running loops that hand out tiles: `depth` of them per worker. */
  #busy = new Set();
  /** The tiles of the last size that was asked for. */
  #tiles = {};
  /** Time of each worker's last answer. */
  #answered = [];
  #turns = 0;
  #ended = null;
  /** Milliseconds per input pixel on one worker. */
  #pace = null;

  /** Loads a record into the worker `first`, or a new one; more workers start when there are tiles for them. */
  static async open(engine, record, scale, workers, files, first) {
    const pool = new Pool();
    pool.#files = files;
    // One worker keeps a GPU busy, and Burn's operators need much memory.
    pool.#size = engine === "cpu" ? workers : 1;
    // While the GPU computes one tile, the worker prepares another.
    pool.#depth = engine === "webgpu" ? 2 : 1;
    pool.#request = { type: "load", engine, record, scale };
    const { info } = await pool.#start(0, first);
    pool.engine = engine;
    pool.info = info;
    return pool;
  }

  async #start(index, worker = begin(this.#request.engine, this.#files)) {
    const { engine } = this.#request;
    worker.timeoutMs = engine.endsWith("webgpu") ? GPU_TIMEOUT_MS : Infinity;
    this.#workers[index] = worker;
    try {
      const wasm = await prepare(engine, this.#files);
      return await worker.call({ ...this.#request, wasm });
    } catch (error) {
      worker.terminate();
      throw error;
    }
  }

  /** The worker with this index, started again if it has crashed. */
  async #worker(index) {
    if (this.#ended) throw this.#ended;
    const lacks = !this.#workers[index] || this.#workers[index].broken;
    if (lacks && !this.#starting[index]) {
      this.#starting[index] = this.#start(index).finally(() => (this.#starting[index] = null));
    }
    await this.#starting[index];
    return this.#workers[index];
  }

  /** The tiles of an image, eight numbers each: x, y, width and height of the core and of its padded input. */
  async tiles(width, height) {
    const size = `${width} × ${height}`;
    if (this.#tiles.size !== size) {
      const worker = await this.#worker(0);
      const { tiles } = await worker.call({ type: "tiles", width, height, workers: this.#size });
      // Copies: a message with a view of a buffer carries the whole buffer.
      const list = Array.from({ length: tiles.length / 8 }, (_, i) => tiles.slice(8 * i, 8 * i + 8));
      this.#tiles = { size, list };
    }
    return [...this.#tiles.list];
  }

  /** Estimated milliseconds for this many input pixels; null before the first tile. */
  expect(pixels) {
    return this.#pace && (this.#pace * pixels) / this.#size;
  }

  /**
   * Removes tiles from `waiting` until it is empty, and passes each enlarged core to `take(tile, rgba)`, which returns
   * true, or a promise of it, if it keeps that memory. If a tile fails, it is put back and the promise rejects. Of several images, those of
   * the lowest `rank` go first; those of the same rank take turns.
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
    // Buffers of the last tile, to be used again.
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
    // Without the time in which the worker computed another tile.
    const pace = (now - Math.max(start, this.#answered[index] ?? 0)) / (tile[2] * tile[3]);
    this.#answered[index] = now;
    this.#pace = this.#pace === null ? pace : (1 - PACE_WEIGHT) * this.#pace + PACE_WEIGHT * pace;
    const kept = !signal?.aborted && (await take(tile, rgba));
    return { input, output: kept ? undefined : rgba.buffer };
  }

  /** Ends a job when no worker has a tile of it, and none will get one. */
  #settle(job) {
    if (job.busy > 0 || !(job.error || job.signal?.aborted || job.waiting.length === 0)) return;
    this.#jobs = this.#jobs.filter((other) => other !== job);
    // A signal may outlive many jobs.
    job.signal?.removeEventListener("abort", job.settle);
    if (job.error) job.reject(job.error);
    else job.resolve();
  }

  /** Ends the workers; pending jobs are rejected with `error`, or else with `disposed`. */
  terminate(error) {
    for (const worker of this.#workers) worker?.terminate(error);
    this.#ended = error ?? this.#workers[0].broken;
    for (const job of this.#jobs) {
      job.error ??= this.#ended;
      this.#settle(job);
    }
  }
}
