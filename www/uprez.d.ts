/** Uprez: upscales pictures on the visitor's machine. */

/** What may be asked for by `engine`. */
export type EngineChoice = "auto" | EngineName;

/**
 * What really runs: the network's plan on WebGPU or on the CPU, or Burn's operators (`burn-…`), which are fetched only
 * when they are needed.
 */
export type EngineName = "webgpu" | "cpu" | "burn-webgpu" | "burn-cpu";

/** Whatever holds a picture; a string is a URL. It must not change before the result is there. */
export type Source =
  | Blob
  | string
  | URL
  | ImageData
  | ImageBitmap
  | HTMLImageElement
  | HTMLCanvasElement
  | OffscreenCanvas
  | HTMLVideoElement
  | VideoFrame;

/** A shipped model's name, a URL, or a record's bytes. */
export type Model = (string & {}) | "fast-x2" | "srcnn-x3" | URL | ArrayBuffer | ArrayBufferView | Blob;

/** Bytes that were fetched, of those there are; `total` is 0 where the server doesn't say. */
export interface Download {
  loaded: number;
  total: number;
}

export interface FetchOptions {
  /** `auto` takes WebGPU where there is a hardware adapter that computes rightly, else the CPU. */
  engine?: EngineChoice;
  /** The folder of `worker.js`, `pkg` and `models`, if it is not that of the script. */
  base?: string | URL;
  signal?: AbortSignal;
  /** Told while wasm and model are fetched. */
  onDownload?: (download: Download) => void;
}

export interface LoadOptions extends FetchOptions {
  /** One of the model's `info.scales`; else its own. */
  scale?: number;
  /** Workers on the CPU, 1 or more; else one less than there are cores, and eight at most. */
  workers?: number;
}

/** How large the result shall be, in pixels; without any of it, the picture times the model's own scale. */
export interface Target {
  /** Any number above 0; not together with `width` and `height`. */
  scale?: number;
  /** One side alone keeps the picture's proportions. */
  width?: number;
  height?: number;
  /**
   * For both sides: `inside` (default) and `outside` keep the proportions, and make the picture as large as fits
   * into them or as small as covers them; `fill` stretches it.
   */
  fit?: "inside" | "outside" | "fill";
}

export type Priority = "user-blocking" | "user-visible" | "background";

export interface UpscaleOptions extends Target {
  /** What comes back; `imagedata` by default. */
  as?: "imagedata" | "bitmap" | "blob";
  /** A blob's type: `image/png` (default), `image/jpeg` or `image/webp`; else the error `no-encoder`. */
  type?: string;
  /** A lossy blob's quality, from 0 to 1. */
  quality?: number;
  /** Aborting rejects with the signal's reason at once, and the upscaler stays usable. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /**
   * Who goes first when calls wait for each other: more urgent ones do, and go between the tiles of less urgent
   * ones; calls of the same priority take turns, tile by tile, two pictures at a time. `user-visible` by default.
   */
  priority?: Priority;
}

/** Tiles that are done, of those there are. */
export interface Progress {
  done: number;
  total: number;
}

/** What a picture of some size would take. */
export interface Estimate {
  /** The result's sides in pixels. */
  width: number;
  height: number;
  /** How often the picture goes through the network. */
  passes: number;
  /** Milliseconds, as far as the last tiles tell; a small picture is tried if there were none. */
  ms: number;
}

/** A record's metadata. */
export interface ModelInfo {
  name: string;
  /** Output pixels per input pixel, in each direction. */
  scale: number;
  /** All that the record can be used at. */
  scales: number[];
  parameters: number;
  [key: string]: unknown;
}

/** Loads a model. */
export function load(model?: Model, options?: LoadOptions): Promise<Upscaler>;

/** Fetches and compiles what `load` will need, so that it is there when it is. */
export function preload(model?: Model, options?: FetchOptions): Promise<void>;

/** A model, loaded and ready. */
export class Upscaler {
  private constructor();
  /** Changes to `cpu` or `burn-cpu` if a GPU fails. */
  readonly engine: EngineName;
  readonly info: ModelInfo;
  /** The result's size, how long it would take, or the error `too-large`, whose message says what fits. */
  estimate(size: { width: number; height: number }, target?: Target): Promise<Estimate>;
  upscale(source: Source, options: UpscaleOptions & { as: "blob" }): Promise<Blob>;
  upscale(source: Source, options: UpscaleOptions & { as: "bitmap" }): Promise<ImageBitmap>;
  upscale(source: Source, options?: UpscaleOptions & { as?: "imagedata" }): Promise<ImageData>;
  /** Frees workers and memory; calls that wait are rejected with the code `disposed`. */
  dispose(): void;
}

export type ErrorCode =
  | "no-model"
  | "bad-model"
  | "unknown-scale"
  | "no-image"
  | "not-an-image"
  | "too-large"
  | "cross-origin"
  | "no-pixels"
  | "no-encoder"
  | "no-webgpu"
  | "no-simd"
  | "wrong-gpu"
  | "gpu-failed"
  | "worker-failed"
  | "disposed"
  | "internal";

/** Something that went wrong; its message says what to do. */
export class UprezError extends Error {
  readonly code: ErrorCode;
}
