// Opens what the caller gives as an image: files, URLs and anything that can be drawn. Pixels are read part by part, so
// that memory follows the tiles and not the image.

import { canvasIsReadable, unreadableCanvas } from "./canvas-check.js";
import { UprezError } from "./error.js";
import { compile, startWorker } from "./fetch.js";
import { JPEG_END, isTruncated, readHeader } from "./image-header.js";
import { WorkerClient } from "./worker-client.js";

/** Formats with alpha that our own decoders read: a canvas would round colours where alpha is low. */
const EXACT = ["png", "webp", "bmp"];

/** All formats that our own decoders read. */
const OURS = [...EXACT, "jpeg"];

/** Side of the small copy in which alpha is looked for. */
const PROBE_PX = 64;

const USE_FILE = "pass a PNG, JPEG, WebP or BMP file";

const INCOMPLETE = {
  code: "incomplete-file",
  message: "the file ends too early: it is incomplete, and the missing part of the image is grey",
};

/**
 * Waits for what the network has to bring: the file of a URL, the image of an <img>.
 *
 * @param {import("./uprez.js").Source} source
 * @param {AbortSignal} [signal]
 */
export async function fetchSource(source, signal) {
  if (typeof source === "string" || source instanceof URL) return await fetchImage(source, signal);
  if (source instanceof HTMLImageElement) {
    try {
      await source.decode();
    } catch {
      throw new UprezError("not-an-image", "the <img> holds no image that can be decoded");
    }
  }
  return source;
}

/**
 * Opens an image to cut parts from: `width`, `height`, `cut([x, y, width, height], spare)` → the part as a worker takes
 * it, in the memory of `spare` if that is large enough, and `close()`.
 *
 * @param {import("./uprez.js").Source} source as `fetchSource` returns it
 * @param {object} options
 * @param {(size: { width: number, height: number }) => void} options.check throws if an image is too large
 * @param {(warning: import("./uprez.js").Warning) => void} [options.onWarning]
 * @param {ReturnType<import("./fetch.js").site>} options.files
 */
export async function openSource(source, { check, onWarning, files }) {
  if (source instanceof Blob) return await openFile(source, check, onWarning, files);
  if (source instanceof ImageData) {
    check(source);
    const { width, height, data } = source;
    return isOpaque(data) ? new Pixels(width, height, data) : await bled({ rgba: data, width, height }, [], files);
  }
  return await openDrawable(source, check, files);
}

/** Pixels in memory. */
export class Pixels {
  constructor(width, height, rgba) {
    Object.assign(this, { width, height, rgba });
  }

  async cut([x, y, width, height], spare) {
    const length = 4 * width * height;
    const buffer = spare?.byteLength >= length ? spare : new ArrayBuffer(length);
    const part = new Uint8Array(buffer, 0, length);
    for (let row = 0; row < height; row += 1) {
      const start = 4 * ((y + row) * this.width + x);
      part.set(this.rgba.subarray(start, start + 4 * width), 4 * width * row);
    }
    return { rgba: part, transfer: [buffer] };
  }

  close() {
    this.rgba = null;
  }
}

/** An image that the browser has decoded. */
class Bitmap {
  #bitmap;

  constructor(bitmap) {
    this.#bitmap = bitmap;
    this.width = bitmap.width;
    this.height = bitmap.height;
  }

  async cut([x, y, width, height]) {
    const part = await createImageBitmap(this.#bitmap, x, y, width, height);
    return { bitmap: part, transfer: [part] };
  }

  close() {
    this.#bitmap.close();
  }
}

async function fetchImage(address, signal) {
  const url = new URL(address, document.baseURI);
  try {
    const response = await fetch(url, { signal });
    if (response.ok) return await response.blob();
    throw new Error(`status ${response.status}`);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    const why = "its server must be reachable and allow it (CORS), and so must this page's CSP";
    throw new UprezError("no-image", `the image ${url.href} cannot be fetched (${error.message}): ${why}`);
  }
}

async function openFile(file, check, onWarning, files) {
  let bytes;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    throw new UprezError("not-an-image", `the file cannot be read (${error.message})`);
  }
  const header = readHeader(bytes);
  if (header) check(header);
  const truncated = Boolean(header) && isTruncated(bytes, header.type);
  const image = await decodeFile(file, bytes, { ...header, truncated }, check, files);
  if (truncated) onWarning?.(INCOMPLETE);
  return image;
}

async function decodeFile(file, bytes, { type, alpha, profile, truncated }, check, files) {
  // Only browsers convert colours to sRGB.
  const rounded = alpha && !profile && EXACT.includes(type);
  if (rounded || (!canvasIsReadable() && OURS.includes(type))) return await decode(bytes, files);
  if (!canvasIsReadable()) throw unreadableCanvas(USE_FILE);
  let bitmap;
  try {
    // By default, browsers apply the EXIF orientation and convert to sRGB.
    bitmap = await createImageBitmap(truncated && type === "jpeg" ? new Blob([file, JPEG_END]) : file);
  } catch {
    const why = truncated ? "the file is incomplete: it ends too early" : "it is damaged, or of another format";
    throw new UprezError("not-an-image", `the browser cannot decode this file as an image (${why})`);
  }
  if (!type) check(bitmap);
  return alpha === false ? new Bitmap(bitmap) : await openBitmap(bitmap, files);
}

/** Decodes with our own decoders, in a worker that is ended to free its memory. */
async function decode(bytes, files) {
  // The size has been checked.
  const request = { type: "decode", bytes, maxPixels: Infinity };
  const { width, height, rgba } = await callDecoder(request, [bytes.buffer], files);
  return new Pixels(width, height, rgba);
}

async function bled(image, transfer, files) {
  const { rgba } = await callDecoder({ type: "bleed", ...image }, transfer, files);
  return new Pixels(image.width, image.height, rgba);
}

async function callDecoder(request, transfer, files) {
  const worker = new WorkerClient(startWorker("decode", files));
  try {
    return await worker.call({ ...request, wasm: await compile("decode", files) }, transfer);
  } finally {
    worker.terminate();
  }
}

function isOpaque(rgba) {
  const pixels = new Uint32Array(rgba.buffer, rgba.byteOffset, rgba.length / 4);
  let all = 255 << 24;
  // Ten times as fast as `every`.
  for (let i = 0; i < pixels.length; i += 1) all &= pixels[i];
  return all >>> 24 === 255;
}

/** Opens decoded pixels that may have alpha. */
async function openBitmap(bitmap, files) {
  const { width, height } = bitmap;
  if (isOpaque(probe(bitmap))) return new Bitmap(bitmap);
  return await bled({ bitmap, width, height }, [bitmap], files);
}

/** The pixels of a small copy. */
function probe(source) {
  const context = new OffscreenCanvas(PROBE_PX, PROBE_PX).getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, PROBE_PX, PROBE_PX);
  return context.getImageData(0, 0, PROBE_PX, PROBE_PX).data;
}

async function openDrawable(source, check, files) {
  const width = source?.naturalWidth ?? source?.videoWidth ?? source?.displayWidth ?? source?.width;
  const height = source?.naturalHeight ?? source?.videoHeight ?? source?.displayHeight ?? source?.height;
  if (!(width > 0 && height > 0)) {
    throw new UprezError(
      "not-an-image",
      "expected a Blob, URL, ImageData, ImageBitmap, VideoFrame, <img>, <video> or canvas that has pixels",
    );
  }
  check({ width, height });
  if (!canvasIsReadable()) throw unreadableCanvas(USE_FILE);
  let bitmap;
  try {
    bitmap = await createImageBitmap(source);
  } catch (error) {
    throw new UprezError("not-an-image", `the image cannot be read (${error.message})`);
  }
  try {
    return await openBitmap(bitmap, files);
  } catch (error) {
    if (error.name !== "SecurityError") throw error;
    throw new UprezError("cross-origin", "the image comes from another site that does not allow reading it");
  }
}
