// Caches the page's files for offline use.
//
// `cargo xtask dist` writes files.json: all files with their hashes, and a version, which is a hash of them.
// app/install.js registers this script with that version. Each version has its own cache, so that a page never mixes
// files of two. Without files.json, as in development, this script is not registered.

const VERSION = new URL(self.location.href).searchParams.get("version");

/** Other copies of the site on the same origin have other scopes, and caches of their own. */
const PREFIX = `uprez-app ${self.registration.scope} `;
const CACHE = PREFIX + VERSION;

const LIST = "files.json";

/** The path to which the system sends files that other apps share, and their cache; app/received.js takes them. */
const SHARE = "share";
const SHARED = `uprez-shared ${self.registration.scope}`;

/** Files that the page needs; the others (Burn's operators, the demo's images) are cached when used. */
const NEEDED =
  /^([\w-]+\.(html|js|svg|png|webmanifest)|(assets|models|examples)\/.+|(pkg\/|workers\/)(app|cpu|webgpu|decode|resize)\b.+)$/;

/** Promise of the hashes of this version's files, by path. */
let hashes;

self.addEventListener("install", (event) => event.waitUntil(keep()));
self.addEventListener("activate", (event) => event.waitUntil(forgetOthers()));
self.addEventListener("fetch", (event) => {
  if (isShare(event.request)) return event.respondWith(receive(event.request));
  const path = pathOf(event.request);
  // Only the server knows whether there is a newer version.
  if (path !== null && path !== LIST) event.respondWith(answer(event.request, path));
});
self.addEventListener("message", ({ data }) => {
  if (data === "now") self.skipWaiting();
});

async function keep() {
  const response = await fetch(LIST, { cache: "no-store" });
  const { version, files } = await response.clone().json();
  if (version !== VERSION) throw new Error(`the site is at version ${version} already`);
  const cache = await caches.open(CACHE);
  const needed = files.filter(({ path }) => NEEDED.test(path));
  await cache.addAll(needed.map(({ path, integrity }) => new Request(path, { cache: "reload", integrity })));
  await cache.put(LIST, response);
}

async function forgetOthers() {
  const names = await caches.keys();
  const others = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(others.map((name) => caches.delete(name)));
  await self.clients.claim();
}

const isShare = ({ method, url }) => method === "POST" && url === self.registration.scope + SHARE;

/** Keeps shared files for the page, which is opened. */
async function receive(request) {
  try {
    const files = (await request.formData()).getAll("files");
    const cache = await caches.open(SHARED);
    const keep = (file) => {
      const headers = { "content-type": file.type, "x-name": encodeURIComponent(file.name) };
      return cache.put(`${SHARE}/${crypto.randomUUID()}`, new Response(file, { headers }));
    };
    await Promise.all(files.map(keep));
    return Response.redirect("./?shared", 303);
  } catch {
    return Response.redirect("./?shared=failed", 303);
  }
}

/** The path within the site; null for requests that are none of this script's. */
function pathOf({ method, url, mode }) {
  const { origin, pathname, search } = new URL(url);
  const root = new URL(self.registration.scope).pathname;
  if (method !== "GET" || origin !== self.location.origin || !pathname.startsWith(root)) return null;
  // A page is the same with any query; of other files, only the server knows.
  if (search && mode !== "navigate") return null;
  return pathname.slice(root.length) || "index.html";
}

async function answer(request, path) {
  const cache = await caches.open(CACHE);
  hashes ??= readHashes(cache);
  const integrity = (await hashes).get(path);
  // A file that is not of this site's.
  if (!integrity) return await fetch(request);
  const kept = await cache.match(path);
  if (kept) return kept;
  // Fails if the server has another version of the file.
  const response = await fetch(path, { integrity });
  // Storage may be full.
  if (response.status === 200) cache.put(path, response.clone()).catch(() => {});
  return response;
}

async function readHashes(cache) {
  const list = await cache.match(LIST);
  const { files } = (await list?.json()) ?? { files: [] };
  return new Map(files.map(({ path, integrity }) => [path, integrity]));
}
