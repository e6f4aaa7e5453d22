// Where pixels come from: anything that can be drawn, and files. Pixels are handed out part by part, so that memory
// follows the parts and not the picture.

import { Connection } from "./connection.js";
import { UprezError } from "./error.js";
import { compile, startWorker } from "./fetch.js";
import { canvasTellsTruth, noPixels } from "./truth.js";
import { header } from "./header.js";

/** Formats that lose their colours where alpha is low if a canvas reads them; they have a decoder of our own. */
const EXACT = ["png", "webp", "bmp"];

/** All that our decoders read. */
const OURS = [...EXACT, "jpeg"];

/** Side of the small version that tells whether there is alpha. */
const PROBE_PX = 64;

/**
 * A picture to cut parts from: `width`, `height`, `cut([x, y, width, height], spare)` → what a worker takes, in the
 * memory `spare` if it is large enough, and `close()`.
 *
 * @param {import("./uprez.js").Source} source
 * @param {(size: { width: number, height: number }) => void} check throws where a picture is too large
 * @param {ReturnType<import("./fetch.js").site>} files
 * @param {AbortSignal} [signal]
 */
export async function open(source, check, files, signal) {
  if (typeof source === "string" || source instanceof URL) source = await fetchPicture(source, signal);
  if (source instanceof Blob) return await openFile(source, check, files);
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

/** What the browser has decoded. */
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

async function fetchPicture(address, signal) {
  const url = new URL(address, document.baseURI);
  try {
    const response = await fetch(url, { signal });
    if (response.ok) return await response.blob();
    throw new Error(`status ${response.status}`);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    const why = "its server has to be reachable and to allow it (CORS), and so has this page's policy";
    throw new UprezError("no-image", `the picture ${url.href} cannot be fetched (${error.message}): ${why}`);
  }
}

async function openFile(file, check, files) {
  let bytes;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    throw new UprezError("not-an-image", `the file cannot be read (${error.message})`);
  }
  const said = header(bytes);
  if (said) check(said);
  // Browsers bring colours to sRGB, and our decoders do not.
  const rounded = said?.alpha && !said.profile && EXACT.includes(said.type);
  if (rounded || (!canvasTellsTruth() && OURS.includes(said?.type))) return await decode(bytes, files);
  if (!canvasTellsTruth()) throw noPixels("take a PNG, JPEG, WebP or BMP file");
  let bitmap;
  try {
    // Upright, as EXIF says, and in sRGB: both are what browsers do if nobody tells them otherwise.
    bitmap = await createImageBitmap(file);
  } catch {
    throw new UprezError("not-an-image", "this is no picture that the browser can decode, or a damaged one");
  }
  if (!said) check(bitmap);
  return said?.alpha === false ? new Bitmap(bitmap) : await openBitmap(bitmap, files);
}

/** By our own decoders, in a worker of their own: its memory is gone with it. */
async function decode(bytes, files) {
  // Its size has been looked at.
  const request = { type: "decode", bytes, maxPixels: Infinity };
  const { width, height, rgba } = await callDecoder(request, [bytes.buffer], files);
  return new Pixels(width, height, rgba);
}

async function bled(picture, transfer, files) {
  const { rgba } = await callDecoder({ type: "bleed", ...picture }, transfer, files);
  return new Pixels(picture.width, picture.height, rgba);
}

async function callDecoder(request, transfer, files) {
  const worker = new Connection(startWorker("decode", files));
  try {
    return await worker.call({ ...request, wasm: await compile("decode", files) }, transfer);
  } finally {
    worker.terminate();
  }
}

/** Whether all of these bytes' pixels are. */
function isOpaque(rgba) {
  const pixels = new Uint32Array(rgba.buffer, rgba.byteOffset, rgba.length / 4);
  let all = 255 << 24;
  // A plain loop, and no end before the last: ten times as fast as `every`.
  for (let i = 0; i < pixels.length; i += 1) all &= pixels[i];
  return all >>> 24 === 255;
}

/** Decoded pixels, of which nobody has said whether there is alpha. */
async function openBitmap(bitmap, files) {
  const { width, height } = bitmap;
  if (isOpaque(probe(bitmap))) return new Bitmap(bitmap);
  return await bled({ bitmap, width, height }, [bitmap], files);
}

/** The pixels of a small version. */
function probe(source) {
  const context = new OffscreenCanvas(PROBE_PX, PROBE_PX).getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, PROBE_PX, PROBE_PX);
  return context.getImageData(0, 0, PROBE_PX, PROBE_PX).data;
}

async function openDrawable(source, check, files) {
  if (source instanceof HTMLImageElement) {
    try {
      await source.decode();
    } catch {
      throw new UprezError("not-an-image", "the <img> holds no picture that can be decoded");
    }
  }
  const width = source?.naturalWidth ?? source?.videoWidth ?? source?.displayWidth ?? source?.width;
  const height = source?.naturalHeight ?? source?.videoHeight ?? source?.displayHeight ?? source?.height;
  if (!(width > 0 && height > 0)) {
    throw new UprezError(
      "not-an-image",
      "a Blob, URL, ImageData, ImageBitmap, VideoFrame, <img>, <video> or canvas with pixels in it is expected",
    );
  }
  check({ width, height });
  if (!canvasTellsTruth()) throw noPixels("take a PNG, JPEG, WebP or BMP file");
  let bitmap;
  try {
    bitmap = await createImageBitmap(source);
  } catch (error) {
    throw new UprezError("not-an-image", `there is no picture to read (${error.message})`);
  }
  try {
    return await openBitmap(bitmap, files);
  } catch (error) {
    if (error.name !== "SecurityError") throw error;
    throw new UprezError("cross-origin", "the picture comes from another site that does not allow reading it");
  }
}
