// The worker: one model on one device. Messages in and out stand in uprez.js.

/** Most pixels of a result: four bytes each, and wasm's memory ends at 4 GiB. */
const MAX_OUTPUT_PIXELS = 160e6;

/** Sides of a tile in input pixels: large enough to keep a GPU busy, small enough to cancel at. */
const TILE_PX = { gpu: 256, cpu: 96 };

let build;
let module;
let upscaler;
const cancelled = new Set();

self.onmessage = async ({ data: request }) => {
  const { id, type } = request;
  if (type === "cancel") return cancelled.add(id);
  try {
    const { answer, transfer } = await (type === "load" ? load(request) : upscale(request));
    self.postMessage({ id, type: "done", ...answer }, transfer);
  } catch (error) {
    // A wasm trap leaves the module in an unknown state: nobody may go on with it.
    const broken = error instanceof WebAssembly.RuntimeError;
    const code = error.code ?? (broken ? "worker-failed" : "internal");
    self.postMessage({ id, type: broken ? "failed" : "error", code, message: error.message });
  } finally {
    cancelled.delete(id);
  }
};

// A panic in an asynchronous part of the module ends in no promise of ours.
self.onunhandledrejection = (event) => {
  event.preventDefault();
  self.postMessage({ type: "failed", code: "worker-failed", message: String(event.reason?.message ?? event.reason) });
};

async function load(request) {
  build = request.build;
  // Each device's build is fetched only when it is used.
  try {
    module = await import(`./pkg/${build}/web.js`);
    await module.default();
  } catch (error) {
    error.code = "worker-failed";
    throw error;
  }
  upscaler = await module.Upscaler.load(request.record, request.scale);
  return { answer: { engine: upscaler.engine, info: upscaler.info }, transfer: [] };
}

async function upscale({ id, bytes, rgba, width, height }) {
  const maxPixels = MAX_OUTPUT_PIXELS / upscaler.scale ** 2;
  if (bytes) {
    const picture = module.decode(bytes, maxPixels);
    ({ width, height } = picture);
    rgba = picture.into_rgba();
  } else if (width * height > maxPixels) {
    const megapixels = (maxPixels / 1e6).toFixed(1);
    const error = new Error(`the picture is larger than the ${megapixels} megapixels that can be upscaled here`);
    throw Object.assign(error, { code: "too-large" });
  }
  const watch = (done, total) => {
    self.postMessage({ id, type: "progress", done, total });
    return cancelled.has(id);
  };
  const result = await upscaler.upscale(rgba, width, height, TILE_PX[build], watch, pause);
  const { scale } = upscaler;
  const answer = { width: width * scale, height: height * scale, rgba: result.buffer };
  return { answer, transfer: [result.buffer] };
}

/** Lets waiting messages in: a `cancel` among them. */
function pause() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
