// The page's end of the app's worker (workers/app.js), which decodes and examines images, and computes checksums.

let worker = null;
let nextId = 1;
const calls = new Map();

function call(request) {
  worker ??= start();
  const id = nextId++;
  return new Promise((resolve, reject) => {
    calls.set(id, { resolve, reject });
    worker.postMessage({ ...request, id });
  });
}

function start() {
  const started = new Worker(new URL("../workers/app.js", import.meta.url), { type: "module" });
  started.onmessage = ({ data: { id, error, answer } }) => {
    const { resolve, reject } = calls.get(id);
    calls.delete(id);
    if (error) reject(new Error(error));
    else resolve(answer);
  };
  started.onerror = (event) => {
    event.preventDefault();
    started.terminate();
    worker = null;
    // The next call starts a new worker.
    for (const { reject } of calls.values()) reject(new Error(event.message || "a worker could not be started"));
    calls.clear();
  };
  return started;
}

/**
 * The size of an image with its orientation applied, a thumbnail, and how it was compressed (see probe.js).
 *
 * @param {Blob} blob
 * @returns {Promise<{ size: { width: number, height: number } | null, thumbnail: ImageBitmap | null,
 *   compressed: object | null, blocky: boolean }>} no size and thumbnail if the browser cannot decode it; no thumbnail
 *   if it is very large
 */
export const inspect = (blob) => call({ type: "inspect", blob });

/**
 * Decodes an image to display; a very large one is reduced.
 *
 * @param {Blob} blob
 * @returns {Promise<{ bitmap: ImageBitmap, width: number, height: number }>} `width` and `height` are those of the file
 */
export const preview = (blob) => call({ type: "preview", blob });

/** The CRC-32 of a file. */
export const checksum = (blob) => call({ type: "checksum", blob });
