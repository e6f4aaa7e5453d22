// Worker of the app: thumbnails, previews, how images were compressed, and checksums. The page's end is app/worker.js.

import { compression, isBlocky } from "../app/probe.js";
import { update } from "../lib/crc32.js";
import { JPEG_END, readAnyHeader } from "../lib/image-header.js";
import { checkFileSize, maxPixels } from "../lib/target.js";

/** Longer side of a thumbnail, in pixels: twice the size in the list, for high-density screens. */
const THUMBNAIL_PX = 128;

/** The size is in this part of a file, even after a long colour profile and an EXIF thumbnail. */
const HEADER_BYTES = 1 << 20;

/** Larger images get no thumbnail: decoding takes four bytes per pixel. */
const MAX_THUMBNAIL_PIXELS = 64e6;

/** Side of the part in the middle of an image that is searched for blocks, in pixels. */
const PROBE_PX = 512;

/** Larger images are shown reduced: the page holds image and result in memory. */
const MAX_PREVIEW_PIXELS = 64e6;

const handlers = { inspect, preview, checksum };

self.onmessage = async ({ data: { id, type, blob } }) => {
  try {
    const { answer, transfer = [] } = await handlers[type](blob);
    self.postMessage({ id, answer }, transfer);
  } catch (error) {
    self.postMessage({ id, error: error.message || String(error) });
  }
};

/** Decodes a file, even a JPEG that ends too early. */
async function decode(blob) {
  checkFileSize(blob.size);
  return await createImageBitmap(blob).catch(() => createImageBitmap(new Blob([blob, JPEG_END])));
}

async function inspect(blob) {
  const bytes = await beginning(blob);
  const header = await readAnyHeader(bytes);
  const compressed = compression(bytes);
  if (header && header.width * header.height > MAX_THUMBNAIL_PIXELS) {
    const size = { width: header.width, height: header.height };
    return { answer: { size, thumbnail: null, compressed, blocky: false } };
  }
  let bitmap;
  try {
    bitmap = await decode(blob);
  } catch {
    return { answer: { size: null, thumbnail: null, compressed, blocky: false } };
  }
  const size = { width: bitmap.width, height: bitmap.height };
  const blocky = compressed?.lossy === false && isBlocky(middle(bitmap));
  const thumbnail = shrink(bitmap, Math.min(1, THUMBNAIL_PX / Math.max(size.width, size.height)));
  return { answer: { size, thumbnail, compressed, blocky }, transfer: [thumbnail] };
}

/** The pixels in the middle of a bitmap. */
function middle(bitmap) {
  const width = Math.min(PROBE_PX, bitmap.width);
  const height = Math.min(PROBE_PX, bitmap.height);
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, -Math.floor((bitmap.width - width) / 2), -Math.floor((bitmap.height - height) / 2));
  return context.getImageData(0, 0, width, height);
}

const beginning = async (blob) => new Uint8Array(await blob.slice(0, HEADER_BYTES).arrayBuffer());

async function preview(blob) {
  const header = await readAnyHeader(await beginning(blob));
  // Results in PNG may be larger than memory.
  if (header && header.width * header.height > maxPixels()) throw new Error("this image is too large to be displayed");
  const bitmap = await decode(blob);
  const { width, height } = bitmap;
  const factor = Math.sqrt(MAX_PREVIEW_PIXELS / (width * height));
  const shown = factor < 1 ? shrink(bitmap, factor) : bitmap;
  return { answer: { bitmap: shown, width, height }, transfer: [shown] };
}

/** A smaller copy of a bitmap, which is closed. */
function shrink(bitmap, factor) {
  const side = (px) => Math.max(1, Math.round(px * factor));
  const canvas = new OffscreenCanvas(side(bitmap.width), side(bitmap.height));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas.transferToImageBitmap();
}

async function checksum(blob) {
  let crc = 0;
  const reader = blob.stream().getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) crc = update(crc, part.value);
  return { answer: crc };
}
