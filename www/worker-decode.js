// A worker for pictures with alpha: decodes what a canvas would round, and carries colour under what is transparent.

import init, { bleed, decode } from "./pkg/decode/web.js";
import { pixels, serve, start } from "./serve.js";

serve({
  async decode({ wasm, bytes, maxPixels }) {
    await start(init, wasm);
    const picture = decode(bytes, maxPixels);
    const { width, height } = picture;
    const rgba = picture.into_rgba();
    return { width, height, rgba, transfer: [rgba.buffer] };
  },

  async bleed({ wasm, bitmap, rgba, width, height }) {
    await start(init, wasm);
    const bled = bleed(rgba ?? pixels(bitmap), width, height);
    return { rgba: bled, transfer: [bled.buffer] };
  },
});
