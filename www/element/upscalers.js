// Shares model files and loaded models between all images, and frees the latter when idle.

import { fetchBytes, site } from "../lib/fetch.js";

/** A model that is not used for this long is disposed of. */
const IDLE_MS = 30_000;

/** Errors after which a model must be loaded again. */
const BROKEN = ["gpu-failed", "worker-failed", "disposed", "internal"];

/** Promises of model files by name or URL. */
const files = new Map();

const loaded = new Map();

/**
 * The bytes of a model file, and their SHA-256; null where the page is not in a secure context.
 *
 * @param {string} model
 * @param {AbortSignal} signal cancels the download
 * @returns {Promise<{ bytes: Uint8Array, hash: string | null }>}
 */
export async function modelFile(model, signal) {
  if (!files.has(model)) {
    const promise = fetchModel(model, signal);
    // Forget a failed promise so that the next call retries.
    promise.catch(() => files.get(model) === promise && files.delete(model));
    files.set(model, promise);
  }
  return await files.get(model);
}

async function fetchModel(model, signal) {
  const bytes = await fetchBytes(model, site({}), signal);
  const digest = await globalThis.crypto?.subtle?.digest("SHA-256", bytes);
  const hex = (byte) => byte.toString(16).padStart(2, "0");
  return { bytes, hash: digest ? Array.from(new Uint8Array(digest), hex).join("") : null };
}

/**
 * Runs `work` with a model, which is loaded if necessary.
 *
 * @template T
 * @param {{ model: string, engine: string, signal: AbortSignal }} options aborting stops loading
 * @param {(upscaler: import("../lib/uprez.js").Upscaler) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withUpscaler({ model, engine, signal }, work) {
  const key = JSON.stringify([model, engine]);
  if (!loaded.has(key)) loaded.set(key, { upscaler: open(model, engine, signal) });
  const entry = loaded.get(key);
  clearTimeout(entry.timer);
  let upscaler;
  try {
    upscaler = await entry.upscaler;
    return await work(upscaler);
  } catch (error) {
    // Forget it so that the next image loads it again.
    if (!upscaler || BROKEN.includes(error?.code)) drop(key);
    throw error;
  } finally {
    if (loaded.get(key) === entry) entry.timer = setTimeout(() => drop(key), IDLE_MS);
  }
}

/** The first image that needs the library fetches it here. */
async function open(model, engine, signal) {
  const [{ load }, { bytes }] = await Promise.all([import("../lib/uprez.js"), modelFile(model, signal)]);
  return await load(bytes, { engine, signal });
}

function drop(key) {
  const { upscaler } = loaded.get(key);
  loaded.delete(key);
  upscaler.then((upscaler) => upscaler.dispose()).catch(() => {});
}
