// A worker's end of the worker protocol: answers requests. The other end is lib/worker-client.js.

/** Answers each request with the handler of its type; `transfer` in a result lists the buffers to transfer. */
export function serve(handlers) {
  self.onmessage = async ({ data: request }) => {
    const { id, type } = request;
    try {
      const { transfer = [], ...answer } = (await handlers[type](request)) ?? {};
      self.postMessage({ id, type: "done", ...answer }, transfer);
    } catch (error) {
      // After a trap the state of the wasm module is unknown, so the worker must not be used again.
      const broken = error instanceof WebAssembly.RuntimeError;
      const code = error.code ?? (broken ? "worker-failed" : "internal");
      self.postMessage({ id, type: broken ? "failed" : "error", code, message: error.message });
    }
  };

  // A panic in an async function of the wasm rejects a promise that no handler awaits.
  self.onunhandledrejection = (event) => {
    event.preventDefault();
    const message = String(event.reason?.message ?? event.reason);
    self.postMessage({ type: "failed", code: "worker-failed", message });
  };
}

/** Initialises a build's module with its compiled wasm. */
export async function loadWasm(init, wasm) {
  try {
    await init(wasm && { module_or_path: wasm });
  } catch (error) {
    throw Object.assign(error, { code: "worker-failed" });
  }
}

/** The RGBA bytes of a bitmap, which is closed. A canvas keeps the colour space of its first bitmap. */
export function bitmapPixels(bitmap, colorSpace, canvas = new OffscreenCanvas(bitmap.width, bitmap.height)) {
  const { width, height } = bitmap;
  if (canvas.width < width || canvas.height < height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace });
  context.globalCompositeOperation = "copy";
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return new Uint8Array(context.getImageData(0, 0, width, height).data.buffer);
}
