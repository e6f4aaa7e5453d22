// Keeps upscaled images in Cache Storage for later visits. Missing or full storage is not an error.

const NAME = "uprez-pictures-1";

/** Most bytes to keep; the oldest entries are deleted first. */
const MAX_BYTES = 50_000_000;

/** Header with the size of an entry, so that it need not be read. */
const BYTES = "x-uprez-bytes";

/** The keys of Cache Storage are URLs; nothing is fetched from these. */
const address = (key) => new URL(`/.uprez/?${new URLSearchParams(key)}`, location.origin).href;

/**
 * @param {{ url: string, version: string, model: string, library: string, width: number, height: number } | null} key
 *   `model` is the hash of its file, `version` changes with the image, and `library` is this library's version
 * @returns {Promise<Blob | null>}
 */
export async function find(key) {
  if (!key) return null;
  try {
    const cache = await caches.open(NAME);
    const response = await cache.match(address(key));
    return (await response?.blob()) ?? null;
  } catch {
    return null;
  }
}

/** Keeps an image, if there is a key and enough room. */
export async function keep(key, blob) {
  if (!key || blob.size > MAX_BYTES) return;
  try {
    const cache = await caches.open(NAME);
    await makeRoom(cache, blob.size);
    const headers = { "content-type": blob.type, [BYTES]: String(blob.size) };
    await cache.put(address(key), new Response(blob, { headers }));
  } catch {
    // The next visit computes it again.
  }
}

/** Deletes the oldest entries, which come first, until there is enough room. */
async function makeRoom(cache, bytes) {
  const [keys, responses] = await Promise.all([cache.keys(), cache.matchAll()]);
  const sizes = responses.map((response) => Number(response.headers.get(BYTES)));
  let over = sizes.reduce((sum, size) => sum + size, bytes) - MAX_BYTES;
  for (let i = 0; over > 0; i += 1) {
    await cache.delete(keys[i]);
    over -= sizes[i];
  }
}
