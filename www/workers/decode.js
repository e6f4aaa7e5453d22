// Worker for images with alpha: decodes files whose colours a canvas would round, and fills in the colour of transparent
// pixels.

import init, { bleed, decode } from "../pkg/decode/web.js";
import { bitmapPixels, loadWasm, serve } from "./worker-server.js";

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
    const bled = bleed(rgba ?? bitmapPixels(bitmap, colorSpace), width, height);
    return { rgba: bled, transfer: [bled.buffer] };
  },
});
