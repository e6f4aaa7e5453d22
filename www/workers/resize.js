// Worker that resizes a result and encodes it as a file.

import { canvasIsReadable, unreadableCanvas } from "../lib/canvas-check.js";
import { PngWriter, displayP3 } from "../lib/png-writer.js";
import init, { Resizer } from "../pkg/resize/web.js";
import { loadWasm, serve } from "./worker-server.js";

/** Null if the rows have the final size. */
let resizer = null;
/** The resized image, of which the first `length` bytes are written; null if it is passed on in parts. */
let result = null;
let length = 0;
/** Writes the result, if it is too large for a canvas. */
let writer = null;

serve({
  /** Starts a result of rows of the size `from`: `keep` is `whole`, `png`, or nothing. */
  async begin({ wasm, from, to, keep, colorSpace }) {
    if (wasm) {
      await loadWasm(init, wasm);
      resizer = new Resizer(from.width, from.height, to.width, to.height);
    }
    if (keep === "whole") result = new Uint8ClampedArray(4 * to.width * to.height);
    if (keep !== "png") return;
    writer = new PngWriter(to.width, to.height, colorSpace === "display-p3" ? await displayP3() : []);
  },

  /** Takes rows, and answers with those of the result if they are asked for. */
  async push({ rgba, answer }) {
    const rows = resizer ? resizer.push(rgba) : rgba;
    result?.set(rows, length);
    length += rows.length;
    await writer?.write(rows);
    return answer ? { rows, transfer: [rows.buffer] } : {};
  },

  end: () => ({ rgba: result, transfer: [result.buffer] }),

  encode: async ({ rgba, width, height, format, quality, colorSpace }) => ({
    blob: writer
      ? await writer.end()
      : await encode(new ImageData(rgba ?? result, width, height, { colorSpace }), format, quality),
  }),
});

async function encode(image, type, quality) {
  if (!canvasIsReadable()) throw unreadableCanvas('ask for "imagedata"');
  const { width, height, colorSpace } = image;
  const failed = (code, message) => Object.assign(new Error(message), { code });
  let blob;
  try {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { colorSpace });
    context.putImageData(image, 0, 0);
    if (type === "image/jpeg") {
      // JPEG has no alpha; transparent pixels would become black.
      context.globalCompositeOperation = "destination-over";
      context.fillStyle = "white";
      context.fillRect(0, 0, width, height);
    }
    blob = await canvas.convertToBlob({ type, quality });
  } catch (error) {
    const why = `this browser cannot encode an image of ${width} × ${height} pixels (${error.message})`;
    throw failed("too-large", `${why}; make it smaller, or ask for "imagedata"`);
  }
  if (blob.type === type) return blob;
  throw failed("no-encoder", `this browser does not encode ${type}; image/png works everywhere`);
}
