// Worker for images with alpha: decodes files whose colours a canvas would round, and fills in the colour of transparent
// pixels.

import init, { bleed, decode } from "../pkg/decode/web.js";
import { bitmapPixels, loadWasm, serve } from "./worker-server.js";

/** Images are read in bands of about so many pixels, since canvases have limits. */
const BAND_PIXELS = 1 << 20;

/** The RGBA bytes of a bitmap of any size, which is closed. */
async function allPixels(bitmap, colorSpace) {
  const { width, height } = bitmap;
  const rows = Math.max(1, Math.floor(BAND_PIXELS / width));
  if (rows >= height) return bitmapPixels(bitmap, colorSpace);
  const rgba = new Uint8Array(4 * width * height);
  for (let y = 0; y < height; y += rows) {
    const band = await createImageBitmap(bitmap, 0, y, width, Math.min(rows, height - y));
    rgba.set(bitmapPixels(band, colorSpace), 4 * width * y);
  }
  bitmap.close();
  return rgba;
}

serve({
  async decode({ wasm, bytes, maxPixels }) {
    await loadWasm(init, wasm);
    const image = decode(bytes, maxPixels);
    const { width, height } = image;
    const rgba = image.into_rgba();
    return { width, height, rgba, transfer: [rgba.buffer] };
  },

  async bleed({ wasm, bitmap, colorSpace, rgba, width, height }) {
    await loadWasm(init, wasm);
    const bled = bleed(rgba ?? (await allPixels(bitmap, colorSpace)), width, height);
    return { rgba: bled, transfer: [bled.buffer] };
  },
});
