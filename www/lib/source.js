// Opens what the caller gives as an image: files, URLs and anything that can be drawn. Pixels are read part by part, so
// that memory follows the tiles and not the image.

import { canvasIsReadable, unreadableCanvas } from "./canvas-check.js";
import { UprezError } from "./error.js";
import { JPEG_END, isTruncated, readAnyHeader } from "./image-header.js";
import { checkFileSize } from "./target.js";

/** Formats with alpha that our own decoders read: a canvas would round colours where alpha is low. */
const EXACT = ["png", "webp", "bmp"];

/** All formats that our own decoders read. */
const OURS = [...EXACT, "jpeg"];

export const USE_FILE = "pass a PNG, JPEG, WebP or BMP file";

const INCOMPLETE = {
  code: "incomplete-file",
  message: "the file ends too early: it is incomplete, and the missing part of the image is grey",
};

const ANIMATED = { code: "animated", message: "the file is an animation, of which only the first frame is upscaled" };

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
 * @param {(size: { width: number, height: number }) => Promise<void>} options.check rejects if an image is too large
 * @param {(warning: import("./uprez.js").Warning) => void} [options.onWarning]
 * @param {"srgb" | "display-p3"} options.colorSpace that of the parts
 * @param {ReturnType<import("./fetch.js").site>} options.files
 */
export async function openSource(source, options) {
  if (source instanceof Blob) return await openFile(source, options);
  const { openDrawable, openPixels } = await import("./drawable.js");
  return await (source instanceof ImageData ? openPixels : openDrawable)(source, options);
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

/** An image that the browser has decoded, and that has no alpha. */
export class Bitmap {
  #bitmap;
  #colorSpace;

  constructor(bitmap, colorSpace) {
    this.#bitmap = bitmap;
    this.#colorSpace = colorSpace;
    this.width = bitmap.width;
    this.height = bitmap.height;
  }

  async cut([x, y, width, height]) {
    const bitmap = await createImageBitmap(this.#bitmap, x, y, width, height);
    return { bitmap, colorSpace: this.#colorSpace, transfer: [bitmap] };
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

/** The bytes of an image file. */
export async function readFile(file) {
  if (file.size === 0) throw new UprezError("not-an-image", "the file is empty: it holds no image");
  checkFileSize(file.size);
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    const why = "it was changed, moved or deleted after it was chosen: choose it again";
    throw new UprezError("unreadable-file", `the file cannot be read (${error.message}); if ${why}`);
  }
}

async function openFile(file, options) {
  const bytes = await readFile(file);
  const header = await readAnyHeader(bytes);
  if (header) await options.check(header);
  const truncated = Boolean(header) && isTruncated(bytes, header.type);
  const image = await decodeFile(file, bytes, { ...header, truncated }, options);
  if (truncated) options.onWarning?.(INCOMPLETE);
  if (header?.animated) options.onWarning?.(ANIMATED);
  return image;
}

async function decodeFile(file, bytes, { type, alpha, profile, truncated }, options) {
  // Only browsers convert colours to sRGB.
  const rounded = alpha && !profile && EXACT.includes(type);
  if (rounded || (!canvasIsReadable() && OURS.includes(type))) {
    const { decode } = await import("./drawable.js");
    return await decode(bytes, options);
  }
  if (!canvasIsReadable()) throw unreadableCanvas(USE_FILE);
  let bitmap;
  try {
    // By default, browsers apply the EXIF orientation and colour profiles. A copy of the bytes: the file itself may have
    // changed since they were read.
    const end = truncated && type === "jpeg" ? [JPEG_END] : [];
    bitmap = await createImageBitmap(new Blob([bytes, ...end], { type: file.type }));
  } catch {
    const why = truncated ? "the file is incomplete: it ends too early" : "it is damaged, or of another format";
    throw new UprezError("not-an-image", `the browser cannot decode this file as an image (${why})`);
  }
  if (!type) await options.check(bitmap);
  if (alpha === false) return new Bitmap(bitmap, options.colorSpace);
  return await (await import("./drawable.js")).openBitmap(bitmap, options);
}
