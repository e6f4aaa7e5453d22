// Worker that resizes a result and encodes it as a file.

import { canvasIsReadable, unreadableCanvas } from "../lib/canvas-check.js";
import init, { Resizer } from "../pkg/resize/web.js";
import { loadWasm, serve } from "./worker-server.js";

let resizer;
/** The resized image, of which the first `length` bytes are written. */
let result;
let length = 0;

serve({
  async begin({ wasm, from, to }) {
    await loadWasm(init, wasm);
    resizer = new Resizer(from.width, from.height, to.width, to.height);
    result = new Uint8ClampedArray(4 * to.width * to.height);
  },

  push({ rgba }) {
    const rows = resizer.push(rgba);
    result.set(rows, length);
    length += rows.length;
  },

  end: () => ({ rgba: result, transfer: [result.buffer] }),

  encode: async ({ rgba, width, height, format, quality }) => ({
    blob: await encode(new ImageData(rgba ?? result, width, height), format, quality),
  }),
});

async function encode(image, type, quality) {
  if (!canvasIsReadable()) throw unreadableCanvas('ask for "imagedata"');
  const { width, height } = image;
  const failed = (code, message) => Object.assign(new Error(message), { code });
  let blob;
  try {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d");
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
