// Where pixels come from: anything that can be drawn, and files. Pixels are handed out part by part, so that memory
// follows the parts and not the picture.

import { Connection } from "./connection.js";
import { UprezError } from "./error.js";
import { header } from "./header.js";

/** Formats that lose their colours where alpha is low if a canvas reads them; they have a decoder of our own. */
const EXACT = ["png", "webp", "bmp"];

/**
 * A picture to cut parts from: `width`, `height`, `cut([x, y, width, height], spare)` → what a worker takes, in the
 * memory `spare` if it is large enough, and `close()`.
 *
 * @param {Blob | ImageData | ImageBitmap | HTMLImageElement | HTMLCanvasElement | OffscreenCanvas} source
 * @param {number} maxPixels more are refused
 */
export async function open(source, maxPixels) {
  if (source instanceof Blob) return await openFile(source, maxPixels);
  if (source instanceof ImageData) {
    refuse(source, maxPixels);
    return new Pixels(source.width, source.height, source.data);
  }
  return await openDrawable(source, maxPixels);
}

/** Pixels in memory. */
class Pixels {
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

  close() {}
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

function refuse({ width, height }, maxPixels) {
  if (width * height <= maxPixels) return;
  const megapixels = (pixels) => (pixels / 1e6).toFixed(1);
  throw new UprezError(
    "too-large",
    `the picture has ${width} × ${height} pixels (${megapixels(width * height)} megapixels); ` +
      `up to ${megapixels(maxPixels)} megapixels can be upscaled here`,
  );
}

async function openFile(file, maxPixels) {
  let bytes;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    throw new UprezError("not-an-image", `the file cannot be read (${error.message})`);
  }
  const said = header(bytes);
  if (said) refuse(said, maxPixels);
  if (said?.alpha && EXACT.includes(said.type)) return await decode(bytes, maxPixels);
  let bitmap;
  try {
    // Upright, as EXIF says, and in sRGB: both are what browsers do if nobody tells them otherwise.
    bitmap = await createImageBitmap(file);
  } catch {
    throw new UprezError("not-an-image", "this is no picture that the browser can decode, or a damaged one");
  }
  if (!said) refuse(bitmap, maxPixels);
  return new Bitmap(bitmap);
}

/** By our own decoders, in a worker of their own: its memory is gone with it. */
async function decode(bytes, maxPixels) {
  const worker = new Connection();
  try {
    const { width, height, rgba } = await worker.call({ type: "decode", bytes, maxPixels });
    return new Pixels(width, height, rgba);
  } finally {
    worker.terminate();
  }
}

async function openDrawable(source, maxPixels) {
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
  refuse({ width, height }, maxPixels);
  const probe = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  probe.drawImage(source, 0, 0);
  try {
    probe.getImageData(0, 0, 1, 1);
  } catch {
    throw new UprezError("cross-origin", "the picture comes from another site that does not allow reading it");
  }
  return new Bitmap(await createImageBitmap(source));
}
