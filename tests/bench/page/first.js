// A page that shows an upscaled image as soon as possible; ort.js does the same with onnxruntime-web.
//
// Query: model (a shipped name or a URL) and picture (a URL).
//
// Hooks for the benchmark: first_image_ms, first_image_error.

import { load } from "/uprez.js";

const query = new URLSearchParams(location.search);

try {
  const [upscaler, picture] = await Promise.all([
    load(query.get("model"), { engine: "cpu" }),
    read(query.get("picture")),
  ]);
  const result = await upscaler.upscale(picture);
  const canvas = document.querySelector("canvas");
  canvas.width = result.width;
  canvas.height = result.height;
  canvas.getContext("2d").putImageData(result, 0, 0);
  window.first_image_ms = performance.now();
} catch (error) {
  window.first_image_error = String(error);
}

async function read(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  return await response.blob();
}
