// The worker: holds the wasm of one build, and upscales tile by tile. Its messages come from connection.js.

let module;
let upscaler;
let canvas;

const handlers = { prepare, load, tiles, upscale, decode };

self.onmessage = async ({ data: request }) => {
  const { id, type } = request;
  try {
    const { transfer = [], ...answer } = await handlers[type](request);
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

/** Fetches a build's script. */
async function prepare({ build }) {
  try {
    module = await import(`./pkg/${build}/web.js`);
  } catch (error) {
    throw Object.assign(error, { code: "worker-failed" });
  }
  return {};
}

/** Starts it; `wasm` is its wasm compiled, where somebody has done that already. */
async function start(wasm) {
  try {
    await module.default(wasm && { module_or_path: wasm });
  } catch (error) {
    throw Object.assign(error, { code: "worker-failed" });
  }
}

async function load({ wasm, record, scale, engine }) {
  await start(wasm);
  upscaler = await module.Upscaler.load(record, scale, engine);
  const info = { ...JSON.parse(upscaler.description), scale: upscaler.scale, scales: [...upscaler.scales] };
  // Scores belong to the record's own scale, which is the largest.
  if (info.scale !== Math.max(...info.scales)) info.scores = [];
  return { info };
}

async function tiles({ width, height, workers }) {
  return { tiles: upscaler.tiles(width, height, workers) };
}

/** `spare` is memory that the page is done with: what waits for the garbage collector adds up. */
async function upscale({ tile, width, height, rgba, bitmap, spare }) {
  const input = rgba ?? pixels(bitmap);
  const length = 4 * tile[2] * tile[3] * upscaler.scale ** 2;
  const buffer = spare?.byteLength >= length ? spare : new ArrayBuffer(length);
  const target = new Uint8Array(buffer, 0, length);
  await upscaler.upscale(input, tile, width, height, target);
  return { rgba: target, input: input.buffer, transfer: [buffer, input.buffer] };
}

/** A bitmap's pixels. */
function pixels(bitmap) {
  const { width, height } = bitmap;
  canvas ??= new OffscreenCanvas(width, height);
  if (canvas.width < width || canvas.height < height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.globalCompositeOperation = "copy";
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return new Uint8Array(context.getImageData(0, 0, width, height).data.buffer);
}

async function decode({ bytes, maxPixels }) {
  await prepare({ build: "decode" });
  await start();
  const picture = module.decode(bytes, maxPixels);
  const { width, height } = picture;
  const rgba = picture.into_rgba();
  return { width, height, rgba, transfer: [rgba.buffer] };
}
