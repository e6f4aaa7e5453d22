// A worker's side of connection.js.

/** Answers every request by the handler of its type, whose result may name what is to be transferred. */
export function serve(handlers) {
  self.onmessage = async ({ data: request }) => {
    const { id, type } = request;
    try {
      const { transfer = [], ...answer } = (await handlers[type](request)) ?? {};
      self.postMessage({ id, type: "done", ...answer }, transfer);
    } catch (error) {
      // A wasm trap leaves the module in an unknown state: nobody may go on with it.
      const broken = error instanceof WebAssembly.RuntimeError;
      const code = error.code ?? (broken ? "worker-failed" : "internal");
      self.postMessage({ id, type: broken ? "failed" : "error", code, message: error.message });
    }
  };

  // A panic in an asynchronous part of the module ends in no promise of ours.
  self.onunhandledrejection = (event) => {
    event.preventDefault();
    const message = String(event.reason?.message ?? event.reason);
    self.postMessage({ type: "failed", code: "worker-failed", message });
  };
}

/** Starts a build whose wasm has been compiled, or will be. */
export async function start(init, wasm) {
  try {
    await init(wasm && { module_or_path: wasm });
  } catch (error) {
    throw Object.assign(error, { code: "worker-failed" });
  }
}

/** The RGBA bytes of a bitmap, which is closed. */
export function pixels(bitmap, canvas = new OffscreenCanvas(bitmap.width, bitmap.height)) {
  const { width, height } = bitmap;
  if (canvas.width < width || canvas.height < height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.globalCompositeOperation = "copy";
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return new Uint8Array(context.getImageData(0, 0, width, height).data.buffer);
}
