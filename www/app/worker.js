// A worker for what would hold up the page: decoding pictures to look at, and checksums.

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
    // The next call has a new one.
    for (const { reject } of calls.values()) reject(new Error(event.message || "a worker could not be started"));
    calls.clear();
  };
  return started;
}

/**
 * A picture's size as it is seen, upright, and a small one of it.
 *
 * @param {Blob} blob
 * @returns {Promise<{ size: { width: number, height: number } | null, thumbnail: ImageBitmap | null }>} nulls for
 *   what the browser cannot decode; without a thumbnail for what is too large to be decoded for one
 */
export const inspect = (blob) => call({ type: "inspect", blob });

/**
 * Decodes a picture to be looked at; a very large one is shrunk.
 *
 * @param {Blob} blob
 * @returns {Promise<{ bitmap: ImageBitmap, width: number, height: number }>} the sides are those of the file
 */
export const preview = (blob) => call({ type: "preview", blob });

/** The CRC-32 of a file, as zip has it. */
export const checksum = (blob) => call({ type: "checksum", blob });
