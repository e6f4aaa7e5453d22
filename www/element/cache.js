// Sharp pictures of earlier visits, in Cache Storage. That there is none, or no room in it, is no error.

const NAME = "uprez-pictures-1";

/** Most bytes that are kept; the oldest go first. */
const LIMIT = 50_000_000;

/** Says how large an entry is, without reading it. */
const BYTES = "x-uprez-bytes";

/** Cache Storage has addresses for keys; nothing is ever fetched from these. */
const address = (key) => new URL(`/.uprez/?${new URLSearchParams(key)}`, location.origin).href;

/**
 * @param {{ url: string, version: string, model: string, width: number, height: number } | null} key
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

/** Keeps a picture, if there is a key and room. */
export async function keep(key, blob) {
  if (!key || blob.size > LIMIT) return;
  try {
    const cache = await caches.open(NAME);
    await makeRoom(cache, blob.size);
    const headers = { "content-type": blob.type, [BYTES]: String(blob.size) };
    await cache.put(address(key), new Response(blob, { headers }));
  } catch {
    // Next time it is made again.
  }
}

/** Deletes the oldest entries, which come first, until there is room for another. */
async function makeRoom(cache, bytes) {
  const [keys, responses] = await Promise.all([cache.keys(), cache.matchAll()]);
  const sizes = responses.map((response) => Number(response.headers.get(BYTES)));
  let over = sizes.reduce((sum, size) => sum + size, bytes) - LIMIT;
  for (let i = 0; over > 0; i += 1) {
    await cache.delete(keys[i]);
    over -= sizes[i];
  }
}
