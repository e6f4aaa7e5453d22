// This project's own files, and models from anywhere: where they lie, and how they come.

import { UprezError } from "./error.js";

// Every address is written out, for bundlers read no others.

/** What a build is compiled from. */
const WASM = {
  lean: new URL("./pkg/lean/web_bg.wasm", import.meta.url),
  burn: new URL("./pkg/burn/web_bg.wasm", import.meta.url),
  decode: new URL("./pkg/decode/web_bg.wasm", import.meta.url),
  resize: new URL("./pkg/resize/web_bg.wasm", import.meta.url),
};

const WORKERS = {
  lean: () => new Worker(new URL("./worker-lean.js", import.meta.url), { type: "module" }),
  burn: () => new Worker(new URL("./worker-burn.js", import.meta.url), { type: "module" }),
  decode: () => new Worker(new URL("./worker-decode.js", import.meta.url), { type: "module" }),
  resize: () => new Worker(new URL("./worker-resize.js", import.meta.url), { type: "module" }),
};

const MODELS = {
  "fast-x2": new URL("./models/fast-x2.bpk", import.meta.url),
  "srcnn-x3": new URL("./models/srcnn-x3.bpk", import.meta.url),
};

/** What a wasm is compiled to, once for all workers, by its address. */
const compiled = new Map();

/** Models that were fetched ahead, by their address. */
const records = new Map();

/**
 * The files of this project as somebody uses them: the folder `base`, or else this script's, and `follow`, through
 * which responses pass.
 *
 * @param {{ base?: string | URL, onDownload?: (download: { loaded: number, total: number }) => void }} options
 */
export function site({ base, onDownload }) {
  return { base: base && new URL(`${base}`.replace(/\/?$/, "/"), document.baseURI), follow: meter(onDownload) };
}

/** Tells of all bytes of the responses that pass through. */
function meter(onDownload) {
  if (!onDownload) return (response) => response;
  let [loaded, total] = [0, 0];
  return (response) => {
    const { headers } = response;
    // What is compressed on its way has another length than what comes out.
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

/** Starts a worker of a build. */
export function startWorker(build, { base }) {
  return base ? new Worker(new URL(`worker-${build}.js`, base), { type: "module" }) : WORKERS[build]();
}

/** The compiled wasm of a build. */
export function compile(build, { base, follow }) {
  const url = base ? new URL(`pkg/${build}/web_bg.wasm`, base) : WASM[build];
  if (!compiled.has(url.href)) {
    const promise = compileFrom(url, follow);
    // Whoever comes next may have more luck.
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

/** Fetches a model ahead, for one `fetchRecord` to come. */
export async function fetchAhead(model, files, signal) {
  const url = address(model, files);
  if (url) records.set(url.href, await download(url, files, signal));
}

/** The bytes of a model. */
export async function fetchRecord(model, files, signal) {
  if (model instanceof Blob) return new Uint8Array(await model.arrayBuffer());
  if (model instanceof ArrayBuffer) return new Uint8Array(model.slice(0));
  if (ArrayBuffer.isView(model)) {
    return new Uint8Array(model.buffer, model.byteOffset, model.byteLength).slice();
  }
  const url = address(model, files);
  const ahead = records.get(url.href);
  records.delete(url.href);
  return ahead ?? (await download(url, files, signal));
}

/** Where a model lies, if it has to be fetched. */
function address(model, { base }) {
  if (typeof model === "string" && /^[\w-]+$/.test(model)) {
    const shipped = new URL(`models/${model}.bpk`, base ?? import.meta.url);
    return (!base && MODELS[model]) || shipped;
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
