// Finds and fetches this project's own files, and models from any URL.

import { startBurn, burnWasm } from "./burn.js";
import { UprezError } from "./error.js";

/** The URL of this project's folder. Bundlers would take `new URL("../", import.meta.url)` for a file to include. */
const FOLDER = import.meta.url.replace(/[^/]+\/[^/]+$/, "");

// Bundlers find a file only where its path is written out.

/** The wasm of each build. */
const WASM = {
  cpu: new URL("../pkg/cpu/web_bg.wasm", import.meta.url),
  webgpu: new URL("../pkg/webgpu/web_bg.wasm", import.meta.url),
  get burn() {
    return burnWasm();
  },
  decode: new URL("../pkg/decode/web_bg.wasm", import.meta.url),
  resize: new URL("../pkg/resize/web_bg.wasm", import.meta.url),
  import: new URL("../pkg/import/web_bg.wasm", import.meta.url),
};

const WORKERS = {
  cpu: () => new Worker(new URL("../workers/cpu.js", import.meta.url), { type: "module" }),
  webgpu: () => new Worker(new URL("../workers/webgpu.js", import.meta.url), { type: "module" }),
  burn: startBurn,
  decode: () => new Worker(new URL("../workers/decode.js", import.meta.url), { type: "module" }),
  resize: () => new Worker(new URL("../workers/resize.js", import.meta.url), { type: "module" }),
  import: () => new Worker(new URL("../workers/import.js", import.meta.url), { type: "module" }),
};

const MODELS = {
  "fast-x2": new URL("../models/fast-x2.bpk", import.meta.url),
  "fast-x4": new URL("../models/fast-x4.bpk", import.meta.url),
  "photo-x2": new URL("../models/photo-x2.bpk", import.meta.url),
};

/** Paths of files that have a hash in their name; `cargo xtask dist` fills this in. */
const HASHED = {};

/** The URL of a file below a copy of this project's folder. */
const below = (folder, path) => new URL(HASHED[path] ?? path, folder);

/** Promises of compiled modules by URL: all workers share one. */
const compiled = new Map();

/** Promises of the model files that `preload` fetches, by URL. */
const records = new Map();

/**
 * The location of this project's files: the folder `base`, by default the parent of this script's; and `follow`, which
 * counts the bytes of a response.
 *
 * @param {{ base?: string | URL, onDownload?: (download: { loaded: number, total: number }) => void }} options
 */
export function site({ base, onDownload }) {
  return { base: base && new URL(`${base}`.replace(/\/?$/, "/"), document.baseURI), follow: meter(onDownload) };
}

/** Reports the sum of all responses that pass through. */
function meter(onDownload) {
  if (!onDownload) return (response) => response;
  let [loaded, total] = [0, 0];
  return (response) => {
    const { headers } = response;
    // With a content encoding, the length is that of the compressed bytes.
    total += Number((!headers.get("content-encoding") && headers.get("content-length")) || NaN);
    const count = new TransformStream({
      transform(chunk, output) {
        loaded += chunk.byteLength;
        onDownload({ loaded, total: total || 0 });
        output.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(count), response);
  };
}

/** Starts a worker for a build. */
export function startWorker(build, { base }) {
  const path = `workers/${build}.js`;
  try {
    return base ? new Worker(below(base, path), { type: "module" }) : WORKERS[build]();
  } catch (error) {
    // Workers have to come from the page's own origin. These files are on another one, such as a CDN.
    if (error.name !== "SecurityError") throw error;
    return startForeignWorker(below(base ?? FOLDER, path));
  }
}

/** URLs of scripts on the page's origin that import a worker's script, by its URL. */
const importers = new Map();

function startForeignWorker({ href, origin }) {
  if (!importers.has(href)) {
    const script = new Blob([`import ${JSON.stringify(href)};`], { type: "text/javascript" });
    importers.set(href, URL.createObjectURL(script));
  }
  const blocked = new UprezError(
    "worker-failed",
    `the worker ${href} could not be started: it comes from another site, which has to allow it (CORS), and this page's ` +
      `CSP has to have "worker-src blob: ${origin}" and "script-src ${origin}"; or copy the files to this site and pass ` +
      "their folder as base",
  );
  try {
    return Object.assign(new Worker(importers.get(href), { type: "module" }), { blocked });
  } catch {
    throw blocked;
  }
}

/** The compiled wasm of a build. */
export function compile(build, { base, follow }) {
  const url = base ? below(base, `pkg/${build}/web_bg.wasm`) : WASM[build];
  if (!compiled.has(url.href)) {
    const promise = compileFrom(url, follow);
    // Forget a failed promise so that the next call retries.
    promise.catch(() => compiled.delete(url.href));
    compiled.set(url.href, promise);
  }
  return compiled.get(url.href);
}

async function compileFrom(url, follow) {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url.href} cannot be fetched (status ${response.status})`);
    const streams = response.headers.get("content-type")?.startsWith("application/wasm");
    if (streams) return await WebAssembly.compileStreaming(follow(response));
    return await WebAssembly.compile(await follow(response).arrayBuffer());
  } catch (error) {
    throw new UprezError("worker-failed", error.message);
  }
}

/** Fetches a model and keeps it for the next `fetchRecord`. */
export async function fetchAhead(model, files, signal) {
  const url = address(model, files);
  // A download of another call may be cancelled by its signal.
  const shared = url && records.get(url.href);
  if (!url || (shared && (await shared.catch(() => null)))) return;
  const promise = download(url, files, signal);
  // Forget a failed promise so that the next call retries.
  promise.catch(() => records.get(url.href) === promise && records.delete(url.href));
  records.set(url.href, promise);
  await promise;
}

/** The first bytes of a model file. */
const RECORD = [...new TextEncoder().encode("NRUB")];

/** The bytes of a model file; other projects' files are imported. */
export async function fetchRecord(model, files, signal) {
  const bytes = await fetchBytes(model, files, signal);
  if (RECORD.every((byte, i) => bytes[i] === byte)) return bytes;
  const { looksImportable, makeRecord } = await import("./import.js");
  // The engine says what is wrong with a file that is of no known format.
  if (!looksImportable(bytes)) return bytes;
  return await makeRecord(bytes, { file: fileName(model, files) }, {}, files, signal);
}

/** The name of a file or of the file at a URL. */
export function fileName(model, files) {
  if (model instanceof Blob) return model.name ?? "model";
  const path = address(model, files)?.pathname ?? "model";
  return decodeURIComponent(path.slice(path.lastIndexOf("/") + 1));
}

/** The bytes of a file. */
export async function fetchBytes(model, files, signal) {
  if (model instanceof Blob) return new Uint8Array(await model.arrayBuffer());
  if (model instanceof ArrayBuffer) return new Uint8Array(model.slice(0));
  if (ArrayBuffer.isView(model)) {
    return new Uint8Array(model.buffer, model.byteOffset, model.byteLength).slice();
  }
  const url = address(model, files);
  const ahead = records.get(url.href);
  records.delete(url.href);
  // If it has failed or was cancelled, this call fetches the file itself.
  return (await ahead?.catch(() => null)) ?? (await download(url, files, signal));
}

/** The URL of a model; null if it is not to be fetched. */
function address(model, { base }) {
  if (typeof model === "string" && /^[\w-]+$/.test(model)) {
    // Beside a shipped model: no bundler sees this one.
    return (!base && MODELS[model]) || new URL(`${model}.bpk`, base ? new URL("models/", base) : MODELS["fast-x2"]);
  }
  return typeof model === "string" || model instanceof URL ? new URL(model, document.baseURI) : null;
}

async function download(url, { follow }, signal) {
  const failed = (why) => new UprezError("no-model", `the model ${url.href} cannot be fetched (${why})`);
  let response;
  try {
    response = await fetch(url, { signal });
    if (response.ok) return new Uint8Array(await follow(response).arrayBuffer());
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw failed(error.message);
  }
  throw failed(`status ${response.status}`);
}
