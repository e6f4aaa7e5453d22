// Runs onnxruntime-web on one image, for the benchmark in the browser.
//
// Query: dist (folder of onnxruntime-web's files, ending in /; by default the folder of this page). To show a first
// image at once: model and picture, both URLs.
//
// Hooks for the benchmark: ort_bench, first_image_ms, first_image_error.

const query = new URLSearchParams(location.search);
const dist = new URL(query.get("dist") ?? "./", location.href);

let ort;
let session;

window.ort_bench = {
  /** Loads a network; several threads need a cross-origin isolated page (COOP and COEP). */
  async load(modelUrl, threads = 1) {
    // Fetch both at once; the runtime would fetch them one after the other.
    const [runtime, response] = await Promise.all([import(new URL("ort.wasm.min.mjs", dist)), fetch(modelUrl)]);
    if (!response.ok) throw new Error(`${modelUrl}: status ${response.status}`);
    const model = new Uint8Array(await response.arrayBuffer());
    ort = runtime;
    ort.env.wasm.numThreads = threads;
    session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  },

  /** Milliseconds of each run on a square image, given by its side in pixels or by its planes' values. */
  async run(input, warmUp, runs) {
    const values = typeof input === "number" ? noise(channels() * input ** 2) : input;
    const side = Math.sqrt(values.length / channels());
    const times = [];
    for (let i = 0; i < warmUp + runs; i++) {
      const start = performance.now();
      await infer(values, side, side);
      times.push(performance.now() - start);
    }
    return times.slice(warmUp);
  },

  /** The network's output for an image's planes, as an array that WebDriver can serialise. */
  async output(input, width, height) {
    const output = await infer(Float32Array.from(input), width, height);
    return Array.from(output.data);
  },
};

if (query.has("picture")) {
  showFirst(query.get("model"), query.get("picture")).catch((error) => {
    window.first_image_error = String(error);
  });
}

const channels = () => session.inputMetadata[0].shape[1];

async function infer(values, width, height) {
  const input = new ort.Tensor("float32", values, [1, channels(), height, width]);
  const { output } = await session.run({ input });
  return output;
}

/** Noise in 0…1, the same in every run. */
function noise(length) {
  const values = new Float32Array(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 32;
  }
  return values;
}

async function showFirst(modelUrl, pictureUrl) {
  const [picture] = await Promise.all([read(pictureUrl), ort_bench.load(modelUrl)]);
  const { width, height } = picture;
  const result = toPicture(await infer(toPlanes(picture), width, height));
  const canvas = document.querySelector("canvas");
  canvas.width = result.width;
  canvas.height = result.height;
  canvas.getContext("2d").putImageData(result, 0, 0);
  window.first_image_ms = performance.now();
}

async function read(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  const bitmap = await createImageBitmap(await response.blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

/** Converts RGBA bytes to three planes in 0…1. */
function toPlanes({ data, width, height }) {
  const pixels = width * height;
  const planes = new Float32Array(3 * pixels);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) planes[c * pixels + i] = data[4 * i + c] / 255;
  }
  return planes;
}

/** Converts three planes in 0…1 to RGBA; Uint8ClampedArray rounds and clamps. */
function toPicture({ data, dims: [, , height, width] }) {
  const pixels = width * height;
  const image = new ImageData(width, height);
  image.data.fill(255);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = 255 * data[c * pixels + i];
  }
  return image;
}
