// Opens images that may have alpha, pixels, and what can be drawn on a canvas. Imported only when needed.

import { canvasIsReadable, unreadableCanvas } from "./canvas-check.js";
import { UprezError } from "./error.js";
import { compile, startWorker } from "./fetch.js";
import { Bitmap, Pixels, USE_FILE } from "./source.js";
import { WorkerClient } from "./worker-client.js";

/** Side of the small copy in which alpha is looked for. */
const PROBE_PX = 64;

/** Opens pixels, in the colour space that they say. */
export async function openPixels(source, { check, colorSpace, files }) {
  await check(source);
  // Browsers without the property have sRGB only.
  const { width, height, data, colorSpace: own = "srgb" } = source;
  const isKnown = data.BYTES_PER_ELEMENT === 1 && own === colorSpace;
  const rgba = isKnown ? data : (await import("./colour.js")).converted({ data, colorSpace: own }, colorSpace);
  if (isOpaque(rgba)) return new Pixels(width, height, rgba);
  return await bled({ rgba, width, height }, isKnown ? [] : [rgba.buffer], files);
}

/** Decodes with our own decoders, in a worker that is ended to free its memory. */
export async function decode(bytes, { colorSpace, files }) {
  // The size has been checked.
  const request = { type: "decode", bytes, maxPixels: Infinity };
  const { width, height, rgba } = await callDecoder(request, [bytes.buffer], files);
  if (colorSpace === "srgb") return new Pixels(width, height, rgba);
  const image = { data: rgba, colorSpace: "srgb" };
  return new Pixels(width, height, (await import("./colour.js")).converted(image, colorSpace));
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
export async function openBitmap(bitmap, { colorSpace, files }) {
  const { width, height } = bitmap;
  if (isOpaque(probe(bitmap))) return new Bitmap(bitmap, colorSpace);
  return await bled({ bitmap, colorSpace, width, height }, [bitmap], files);
}

/** The pixels of a small copy. */
function probe(source) {
  const context = new OffscreenCanvas(PROBE_PX, PROBE_PX).getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, PROBE_PX, PROBE_PX);
  return context.getImageData(0, 0, PROBE_PX, PROBE_PX).data;
}

export async function openDrawable(source, options) {
  const width = source?.naturalWidth ?? source?.videoWidth ?? source?.displayWidth ?? source?.width;
  const height = source?.naturalHeight ?? source?.videoHeight ?? source?.displayHeight ?? source?.height;
  if (!(width > 0 && height > 0)) {
    throw new UprezError(
      "not-an-image",
      "expected a Blob, URL, ImageData, ImageBitmap, VideoFrame, <img>, <video> or canvas that has pixels",
    );
  }
  await options.check({ width, height });
  if (!canvasIsReadable()) throw unreadableCanvas(USE_FILE);
  let bitmap;
  try {
    bitmap = await createImageBitmap(source);
  } catch (error) {
    throw new UprezError("not-an-image", `the image cannot be read (${error.message})`);
  }
  try {
    return await openBitmap(bitmap, options);
  } catch (error) {
    if (error.name !== "SecurityError") throw error;
    throw new UprezError("cross-origin", "the image comes from another site that does not allow reading it");
  }
}
