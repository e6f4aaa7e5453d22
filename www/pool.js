// Workers that share the tiles of a picture.

import { Connection } from "./connection.js";
import { UprezError } from "./error.js";

/** A GPU that says nothing for so long has failed (its first tile includes compiling shaders). */
const GPU_PATIENCE_MS = 60_000;

/** Which build of the wasm an engine is part of. */
const BUILDS = { webgpu: "lean", cpu: "lean", "burn-webgpu": "burn", "burn-cpu": "burn" };

/** What a build is compiled to, once for all workers. */
const compiled = new Map();

function compile(build) {
  if (!compiled.has(build)) {
    const url = new URL(`./pkg/${build}/web_bg.wasm`, import.meta.url);
    const promise = compileFrom(url);
    // Whoever comes next may have more luck.
    promise.catch(() => compiled.delete(build));
    compiled.set(build, promise);
  }
  return compiled.get(build);
}

/** Begins to fetch what an engine needs, before it is known what it shall compute. */
export function prepare(engine) {
  // Whoever asks for it later is told what went wrong.
  compile(BUILDS[engine] ?? "lean").catch(() => {});
}

async function compileFrom(url) {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url.href} cannot be fetched (status ${response.status})`);
    const streams = response.headers.get("content-type")?.startsWith("application/wasm");
    if (streams) return await WebAssembly.compileStreaming(response);
    return await WebAssembly.compile(await response.arrayBuffer());
  } catch (error) {
    throw new UprezError("worker-failed", error.message);
  }
}

/** How many workers there are on the CPU, if nobody says: as many as leave a core to the page. */
export function defaultWorkers() {
  const cores = (navigator.hardwareConcurrency ?? 2) - 1;
  // In GiB; each worker has a tile, and a wasm of its own.
  const memory = navigator.deviceMemory ?? 8;
  return Math.max(1, Math.min(cores, 8, memory));
}

export class Pool {
  #request;
  #size;
  /** How many tiles a worker has at once. */
  #depth;
  #workers = [];

  /** Loads a record with an engine in the first worker; further ones follow when there is work for them. */
  static async open(engine, record, scale, workers) {
    const pool = new Pool();
    const build = BUILDS[engine];
    // On a GPU or with Burn's operators, one worker keeps everything busy, or has all memory.
    pool.#size = engine === "cpu" ? workers : 1;
    // While the GPU computes one tile, the worker cuts and stitches the other.
    pool.#depth = engine === "webgpu" ? 2 : 1;
    pool.#request = { type: "load", build, engine, record, scale };
    const { info } = await pool.#start(0);
    pool.engine = engine;
    pool.info = info;
    return pool;
  }

  async #start(index) {
    const usesGpu = this.#request.engine.endsWith("webgpu");
    const worker = new Connection(usesGpu ? GPU_PATIENCE_MS : Infinity);
    this.#workers[index] = worker;
    try {
      const { build } = this.#request;
      // The worker fetches its script while the wasm is still on its way.
      const [wasm] = await Promise.all([compile(build), worker.call({ type: "prepare", build })]);
      return await worker.call({ ...this.#request, wasm });
    } catch (error) {
      worker.terminate();
      throw error;
    }
  }

  /** A worker that can be called, a new one in the place of one that broke down. */
  async #worker(index) {
    if (!this.#workers[index] || this.#workers[index].broken) await this.#start(index);
    return this.#workers[index];
  }

  /** The tiles of a picture: eight numbers each, left, top, width and height of the core and of what it needs. */
  async tiles(width, height) {
    const worker = await this.#worker(0);
    const { tiles } = await worker.call({ type: "tiles", width, height, workers: this.#size });
    return Array.from({ length: tiles.length / 8 }, (_, i) => tiles.subarray(8 * i, 8 * i + 8));
  }

  /**
   * Takes tiles out of `waiting` until there are none; `take(tile, rgba)` gets each one's core. A tile that fails is
   * put back, and is the reason to end.
   */
  async run(source, waiting, take, signal) {
    const { width, height } = source;
    let failed = null;
    const work = async (index) => {
      // Memory of the tile before, for the next one of this loop.
      let spare = {};
      while (waiting.length > 0 && !failed && !signal?.aborted) {
        const tile = waiting.shift();
        try {
          const worker = await this.#worker(index);
          const { transfer, ...part } = await source.cut(tile.subarray(4), spare.input);
          const { output } = spare;
          spare = {};
          if (output) transfer.push(output);
          const request = { type: "upscale", tile, width, height, ...part, spare: output };
          const { rgba, input } = await worker.call(request, transfer);
          if (!signal?.aborted) take(tile, rgba);
          spare = { input, output: rgba.buffer };
        } catch (error) {
          waiting.unshift(tile);
          failed ??= error;
        }
      }
    };
    const count = Math.min(this.#size * this.#depth, waiting.length);
    await Promise.all(Array.from({ length: count }, (_, index) => work(index % this.#size)));
    if (failed) throw failed;
  }

  terminate() {
    for (const worker of this.#workers) worker?.terminate();
  }
}
