// Loaded models, shared by all pictures and gone when nobody needs them.

/** So long a model waits for the next picture; then its workers' memory is free. */
const IDLE_MS = 30_000;

/** After these nobody knows what is left of it. */
const BROKEN = ["gpu-failed", "worker-failed", "disposed", "internal"];

const loaded = new Map();

/**
 * Does some work with a model, which is loaded if it has to be.
 *
 * @template T
 * @param {{ model: string, engine: string }} options
 * @param {(upscaler: import("../uprez.js").Upscaler) => Promise<T>} work
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
    // Whoever comes next may have more luck.
    if (!upscaler || BROKEN.includes(error?.code)) drop(key);
    throw error;
  } finally {
    if (loaded.get(key) === entry) entry.timer = setTimeout(() => drop(key), IDLE_MS);
  }
}

/** The library is fetched here, by the first picture that needs it. */
async function open(model, engine) {
  const { load } = await import("../uprez.js");
  return await load(model, { engine });
}

function drop(key) {
  const { upscaler } = loaded.get(key);
  loaded.delete(key);
  upscaler.then((upscaler) => upscaler.dispose()).catch(() => {});
}
