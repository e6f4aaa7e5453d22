// Uprez: upscales pictures on the visitor's machine.
//
//   import { load } from "./uprez.js";
//   const upscaler = await load("fast-x2");
//   const image = await upscaler.upscale(file);
//
// All work happens in a Web Worker. The page is asked for nothing but this project's own files.

/** Shipped models lie here, whatever folder the page is served from. */
const MODELS = new URL("./models/", import.meta.url);

/** A GPU that says nothing for so long has failed (its first tile includes compiling shaders). */
const GPU_PATIENCE_MS = 60_000;

/**
 * Something that went wrong, with a `code` to act on:
 *
 * - `no-model`: the model's file cannot be fetched
 * - `bad-model`: it is no usable model file; the message says why
 * - `unknown-scale`: the model cannot enlarge by the `scale` asked for; the message names those it can
 * - `not-an-image`: the source is no picture that can be read, or an empty one
 * - `too-large`: the picture or its result is too large; the message says what fits
 * - `cross-origin`: the picture comes from another site that doesn't allow reading it
 * - `no-webgpu`: WebGPU was asked for by name, but there is none
 * - `wrong-gpu`, `gpu-failed`: the GPU failed, and was asked for by name when it was loaded
 * - `worker-failed`: the worker could not be started, or broke down
 * - `disposed`: `dispose()` was called before
 * - `internal`: a defect of this library
 */
export class UprezError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "UprezError";
    this.code = code;
  }
}

/**
 * Loads a model.
 *
 * @param {string | URL | ArrayBuffer | Uint8Array | Blob} model a shipped name, a URL, or a file's bytes
 * @param {{ engine?: "auto" | "webgpu" | "cpu", scale?: number, signal?: AbortSignal }} [options]
 *   `engine`: `auto` takes WebGPU where there is a hardware adapter, else the CPU;
 *   `scale`: one of the model's `info.scales`, as a LapSRN for ×8 is one for ×4 and ×2, too; else its own
 * @returns {Promise<Upscaler>}
 */
export async function load(model = "fast-x2", { engine = "auto", scale, signal } = {}) {
  if (!["auto", "webgpu", "cpu"].includes(engine)) {
    throw new TypeError(`engine is "${engine}", but has to be "auto", "webgpu" or "cpu"`);
  }
  if (scale !== undefined && !(Number.isInteger(scale) && scale > 0)) {
    throw new TypeError(`scale is ${scale}, but has to be a whole number such as 2`);
  }
  const record = await fetchRecord(model, signal);
  const upscaler = new Upscaler(record, engine, scale);
  await upscaler._start();
  return upscaler;
}

/** A model, loaded and ready; made by `load`. */
export class Upscaler {
  /** What really runs: `"webgpu"` or `"cpu"`; a GPU that fails later makes it `"cpu"`. */
  engine = "";
  /**
   * The record's metadata: `name`, `network`, `parameters`, `origin`, `scores`, …; `scale` is the one in use,
   * `scales` are those that the record has.
   */
  info = {};

  #record;
  #wanted;
  #scale;
  #worker = null;
  #queue = Promise.resolve();
  #disposed = false;

  /** @private: use `load`. */
  constructor(record, wanted, scale) {
    this.#record = record;
    this.#wanted = wanted;
    this.#scale = scale;
  }

  /** @private */
  async _start() {
    const build = await chooseBuild(this.#wanted);
    try {
      await this.#open(build);
    } catch (error) {
      const refused = ["bad-model", "unknown-scale"].includes(error.code);
      const other = build === "gpu" && this.#wanted === "auto" && !refused;
      if (!other) throw error;
      await this.#open("cpu");
    }
  }

  async #open(build) {
    this.#worker?.terminate();
    const worker = new Connection(build);
    try {
      const request = { type: "load", build, record: this.#record, scale: this.#scale };
      const { engine, info } = await worker.call(request);
      this.#worker = worker;
      this.engine = engine;
      this.info = info;
    } catch (error) {
      worker.terminate();
      throw error;
    }
  }

  /**
   * Upscales a picture by the model's scale. Several calls wait for each other, in order.
   *
   * @param {Blob | ImageData | ImageBitmap | HTMLImageElement | HTMLCanvasElement | OffscreenCanvas} source
   * @param {{ signal?: AbortSignal, onProgress?: (progress: { done: number, total: number }) => void }} [options]
   *   aborting rejects with an `AbortError` within one tile, and the upscaler stays usable
   * @returns {Promise<ImageData>}
   */
  upscale(source, { signal, onProgress } = {}) {
    const turn = this.#queue.then(() => this.#upscale(source, signal, onProgress));
    this.#queue = turn.catch(() => {});
    // Whoever waits for his turn is let go at once.
    return signal ? Promise.race([turn, aborted(signal, turn)]) : turn;
  }

  async #upscale(source, signal, onProgress) {
    if (this.#disposed) throw new UprezError("disposed", "this upscaler was disposed of");
    signal?.throwIfAborted();
    const picture = await read(source);
    try {
      return await this.#run(picture, signal, onProgress);
    } catch (error) {
      const gpuFailed = ["gpu-failed", "worker-failed"].includes(error.code);
      if (!gpuFailed || this.engine !== "webgpu") throw error;
      // The CPU finishes what the GPU could not.
      await this.#open("cpu");
      return await this.#run(picture, signal, onProgress);
    }
  }

  async #run(picture, signal, onProgress) {
    if (!this.#worker || this.#worker.broken) await this.#open(this.engine === "webgpu" ? "gpu" : "cpu");
    const { width, height, rgba } = await this.#worker.call(
      { type: "upscale", ...picture },
      { signal, onProgress },
    );
    return new ImageData(new Uint8ClampedArray(rgba), width, height);
  }

  /** Frees the worker and its memory; calls that wait are refused. */
  dispose() {
    this.#disposed = true;
    this.#worker?.terminate();
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

/** A worker, and the calls that wait for its answers. */
class Connection {
  broken = false;
  #worker;
  #calls = new Map();
  #nextId = 1;
  #patience;
  #timer;

  constructor(build) {
    this.#patience = build === "gpu" ? GPU_PATIENCE_MS : Infinity;
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail("worker-failed", event.message || "the worker could not be started");
    };
    this.#worker.onmessageerror = () => this.#fail("worker-failed", "the worker's answer was unreadable");
  }

  /** Sends a request and waits for its answer. */
  call(request, { signal, onProgress } = {}) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const abort = () => this.#worker.postMessage({ type: "cancel", id });
      const end = (settle) => (value) => {
        signal?.removeEventListener("abort", abort);
        this.#calls.delete(id);
        this.#wait();
        settle(value);
      };
      this.#calls.set(id, { resolve: end(resolve), reject: end(reject), onProgress, signal });
      signal?.addEventListener("abort", abort, { once: true });
      this.#worker.postMessage({ ...request, id });
      if (signal?.aborted) abort();
      this.#wait();
    });
  }

  #receive({ id, type, ...rest }) {
    this.#wait();
    const call = this.#calls.get(id);
    if (type === "failed") return this.#fail(rest.code, rest.message);
    if (!call) return;
    if (type === "progress") {
      // Whoever has aborted hears no more of it.
      if (!call.signal?.aborted) call.onProgress?.({ done: rest.done, total: rest.total });
      return;
    }
    if (type === "done") return call.resolve(rest);
    const { code, message } = rest;
    call.reject(code === "cancelled" ? abortReason(call.signal) : new UprezError(code, message));
  }

  /** Starts waiting anew for the next sign of life, if anything is under way. */
  #wait() {
    clearTimeout(this.#timer);
    if (this.#calls.size > 0 && this.#patience !== Infinity) {
      this.#timer = setTimeout(() => this.#fail("gpu-failed", "the GPU does not answer"), this.#patience);
    }
  }

  #fail(code, message) {
    this.terminate(new UprezError(code, message));
  }

  /** Ends the worker; calls that wait are rejected with `error`. */
  terminate(error = new UprezError("disposed", "this upscaler was disposed of")) {
    this.broken = true;
    clearTimeout(this.#timer);
    this.#worker.terminate();
    for (const call of [...this.#calls.values()]) call.reject(error);
  }
}

function abortReason(signal) {
  return signal?.reason ?? new DOMException("The upscaling was cancelled.", "AbortError");
}

/** Which build to load: `gpu` or `cpu`. */
async function chooseBuild(engine) {
  if (engine === "cpu") return "cpu";
  let adapter = null;
  try {
    adapter = await navigator.gpu?.requestAdapter();
  } catch {
    // No adapter, then.
  }
  if (engine === "webgpu") {
    if (!adapter) throw new UprezError("no-webgpu", "this browser offers no WebGPU; use engine \"auto\" or \"cpu\"");
    return "gpu";
  }
  // A GPU in software is slower than the CPU is.
  const software = adapter?.info?.isFallbackAdapter ?? adapter?.isFallbackAdapter ?? false;
  return adapter && !software ? "gpu" : "cpu";
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

/** What the worker needs of a source: a file's bytes, or pixels. */
async function read(source) {
  if (source instanceof Blob) {
    try {
      return { bytes: new Uint8Array(await source.arrayBuffer()) };
    } catch (error) {
      throw new UprezError("not-an-image", `the file cannot be read (${error.message})`);
    }
  }
  const { width, height, data } = source instanceof ImageData ? source : await pixels(source);
  return { width, height, rgba: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

/** The pixels of anything that can be drawn. */
async function pixels(source) {
  if (source instanceof HTMLImageElement) {
    try {
      await source.decode();
    } catch {
      throw new UprezError("not-an-image", "the <img> holds no picture that can be decoded");
    }
  }
  const width = source?.naturalWidth ?? source?.width;
  const height = source?.naturalHeight ?? source?.height;
  if (!(width > 0 && height > 0)) {
    throw new UprezError(
      "not-an-image",
      "a Blob, ImageData, ImageBitmap, <img> or canvas with pixels in it is expected",
    );
  }
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0);
  try {
    return context.getImageData(0, 0, width, height);
  } catch {
    throw new UprezError("cross-origin", "the picture comes from another site that does not allow reading it");
  }
}
