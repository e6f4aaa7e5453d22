// Shares loaded models between all images, and frees them when idle.

/** A model that is not used for this long is disposed of. */
const IDLE_MS = 30_000;

/** Errors after which a model must be loaded again. */
const BROKEN = ["gpu-failed", "worker-failed", "disposed", "internal"];

const loaded = new Map();

/**
 * Runs `work` with a model, which is loaded if necessary.
 *
 * @template T
 * @param {{ model: string, engine: string }} options
 * @param {(upscaler: import("../lib/uprez.js").Upscaler) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withUpscaler({ model, engine }, work) {
  const key = JSON.stringify([model, engine]);
  if (!loaded.has(key)) loaded.set(key, { upscaler: open(model, engine) });
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
async function open(model, engine) {
  const { load } = await import("../lib/uprez.js");
  return await load(model, { engine });
}

function drop(key) {
  const { upscaler } = loaded.get(key);
  loaded.delete(key);
  upscaler.then((upscaler) => upscaler.dispose()).catch(() => {});
}
