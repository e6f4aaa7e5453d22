/** Uprez: upscales images on the user's device. */

/** The engines that `engine` accepts. */
export type EngineChoice = "auto" | EngineName;

/**
 * `webgpu` and `cpu` run the network's plan. `burn-webgpu` and `burn-cpu` run Burn's operators, for comparison: another
 * wasm of some megabytes, fetched only when requested by name, or for a record without a graph (written by an older
 * version).
 */
export type EngineName = "webgpu" | "cpu" | "burn-webgpu" | "burn-cpu";

/** An image; a string is a URL. It must not change before the result is there. */
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

/**
 * The name of a shipped model (`photo-x2` by default), a URL, or the bytes of a model file (`.bpk`). Another project's
 * weights (`.pth`, `.safetensors`, `.onnx`) are imported first, as `importModel` does it.
 */
export type Model = (string & {}) | "fast-x2" | "fast-x4" | "photo-x2" | URL | ArrayBuffer | ArrayBufferView | Blob;

/** Bytes fetched so far, and all of them; `total` is 0 if the server does not tell. */
export interface Download {
  loaded: number;
  total: number;
}

export interface FetchOptions {
  /** `auto` (default) is WebGPU on a hardware adapter that passes a self-test, else the CPU. */
  engine?: EngineChoice;
  /** The folder that holds `workers`, `pkg` and `models`; by default the one this module is in. */
  base?: string | URL;
  signal?: AbortSignal;
  /** Called while wasm and model are fetched. */
  onDownload?: (download: Download) => void;
}

export interface LoadOptions extends FetchOptions {
  /** One of the model's `info.scales`; by default the largest. */
  scale?: number;
  /** Workers on the CPU, 1 or more; by default the number of cores less one, at most eight. */
  workers?: number;
}

/** The size of the result, in pixels; by default the image's size times the model's scale. */
export interface Target {
  /** Any number above 0; not together with `width` and `height`. */
  scale?: number;
  /** One side alone keeps the aspect ratio. */
  width?: number;
  height?: number;
  /**
   * With both sides: `inside` (default) and `outside` keep the aspect ratio, and make the result as large as fits
   * inside them, or as small as covers them; `fill` stretches it.
   */
  fit?: "inside" | "outside" | "fill";
}

export type Priority = "user-blocking" | "user-visible" | "background";

/** A part of the result, in its pixels. */
export interface Tile {
  x: number;
  y: number;
  width: number;
  height: number;
  /** Valid until `onTile` returns, or until its promise settles; copy what is to be kept. */
  image: ImageData;
}

export interface UpscaleOptions extends Target {
  /** The type of the result; `imagedata` by default. `tiles` keeps none: `onTile` gets all of its parts. */
  as?: "imagedata" | "bitmap" | "blob" | "tiles";
  /** A blob's type: `image/png` (default), `image/jpeg` or `image/webp`; others reject with `no-encoder`. */
  type?: string;
  /** A lossy blob's quality, from 0 to 1. */
  quality?: number;
  /**
   * The colour space of the result; `srgb` by default. Sources in another one are converted, and colours outside it are
   * clipped. `display-p3` rejects with `no-display-p3` where canvases do not have it.
   */
  colorSpace?: "srgb" | "display-p3";
  /**
   * EXIF and XMP that a blob takes over from a JPEG, PNG or WebP file: `none` by default; `keep` leaves out places and
   * the makers' notes, which may hold some; `keep-with-location` leaves out neither. The orientation becomes 1, as the
   * pixels are upright, sizes and colour space become those of the result, and thumbnails are left out.
   */
  metadata?: "none" | "keep" | "keep-with-location";
  /** Aborting rejects at once with the signal's reason; the upscaler stays usable. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /**
   * Called with parts of the result as they are done, in any order, each pixel once: tiles, or bands of rows from top to
   * bottom if the network's output is resized. The worker waits for a promise that is returned.
   */
  onTile?: (tile: Tile) => unknown;
  /** Called once the image is decoded, if something is wrong with it; the result is computed all the same. */
  onWarning?: (warning: Warning) => void;
  /**
   * The order of calls that wait: more urgent ones go first, even between the tiles of less urgent ones; calls of the
   * same priority take turns, tile by tile, two images at a time. `user-visible` by default.
   */
  priority?: Priority;
}

/** Tiles done so far, and all of them. */
export interface Progress {
  done: number;
  total: number;
}

/**
 * `incomplete-file`: a JPEG ends too early, as after an interrupted copy; the missing part of the image is grey. PNG and
 * WebP files that end too early are reported where the browser decodes them; elsewhere they reject with `not-an-image`.
 * `animated`: the file has more than one frame, of which the first is used (GIF, APNG, WebP, AVIF, HEIC).
 * Known for blobs and URLs only: an `<img>` or a canvas does not tell.
 */
export type WarningCode = "incomplete-file" | "animated";

export interface Warning {
  code: WarningCode;
  message: string;
}

/** The cost of upscaling an image. */
export interface Estimate {
  /** The size of the result, in pixels. */
  width: number;
  height: number;
  /** How many times the image passes through the network. */
  passes: number;
  /** Milliseconds, from the time of the last tiles; the first estimate upscales a small image to measure it. */
  ms: number;
}

/** A record's metadata. */
export interface ModelInfo {
  name: string;
  /** Output pixels per input pixel, in each direction. */
  scale: number;
  /** All scales of the record. */
  scales: number[];
  parameters: number;
  [key: string]: unknown;
}

/** Loads a model. */
export function load(model?: Model, options?: LoadOptions): Promise<Upscaler>;

export interface ImportOptions extends Omit<FetchOptions, "engine"> {
  /** Name of the model; by default that of the file, without its ending. */
  name?: string;
  /** Licence of the weights, which the model file records. */
  licence?: string;
  /** Authors of the weights, whom the model file records. */
  credit?: string;
  /** Mean of each channel that a SPAN network subtracts, in 0…1; by default that of its original implementation. */
  mean?: [number, number, number];
  /** Range of the values that a SPAN or ONNX network computes with; by default 255 for SPAN and 1 for ONNX. */
  range?: 1 | 255;
  /** Activation of a compact network without slopes, which its file does not state. */
  activation?: "relu" | "leakyrelu";
}

/**
 * Makes a model file (`.bpk`) of another project's weights: PyTorch (`.pth`), safetensors or ONNX. Nothing of the file
 * is executed. Rejects with `bad-model` if the network is not known, and with `too-large` if the file is too large for
 * this device.
 */
export function importModel(
  source: string | URL | Blob | ArrayBuffer | ArrayBufferView,
  options?: ImportOptions,
): Promise<Uint8Array>;

/** Fetches and compiles the files that `load` needs, ahead of time. */
export function preload(model?: Model, options?: FetchOptions): Promise<void>;

/** A loaded model. */
export class Upscaler {
  private constructor();
  /** The engine that runs; changes to `cpu` or `burn-cpu` if a GPU fails. */
  readonly engine: EngineName;
  readonly info: ModelInfo;
  /**
   * The size of a result and the time to compute it; rejects with `too-large`, with a message that says what fits. What
   * fits depends on `as` and `type`, too.
   */
  estimate(
    size: { width: number; height: number },
    target?: Target & Pick<UpscaleOptions, "as" | "type">,
  ): Promise<Estimate>;
  upscale(
    source: Source,
    options: UpscaleOptions & { as: "tiles"; onTile: NonNullable<UpscaleOptions["onTile"]> },
  ): Promise<{ width: number; height: number }>;
  upscale(source: Source, options: UpscaleOptions & { as: "blob" }): Promise<Blob>;
  upscale(source: Source, options: UpscaleOptions & { as: "bitmap" }): Promise<ImageBitmap>;
  upscale(source: Source, options?: UpscaleOptions & { as?: "imagedata" }): Promise<ImageData>;
  /** Frees workers and memory; pending calls are rejected with the code `disposed`. */
  dispose(): void;
}

/** Each code is explained in lib/error.js. */
export type ErrorCode =
  | "no-model"
  | "bad-model"
  | "unknown-scale"
  | "no-image"
  | "not-an-image"
  | "unreadable-file"
  | "too-large"
  | "cross-origin"
  | "no-pixels"
  | "no-encoder"
  | "no-display-p3"
  | "no-webgpu"
  | "no-simd"
  | "no-engine"
  | "wrong-gpu"
  | "gpu-failed"
  | "worker-failed"
  | "disposed"
  | "internal";

/** An error with a code; the message says what to do. */
export class UprezError extends Error {
  readonly code: ErrorCode;
}
