// Caches the page's files for offline use.
//
// `cargo xtask dist` writes files.json, whose version is a hash of all files; app/install.js registers this script with
// that version. Each version has its own cache, so that a page never mixes files of two. Without files.json, as in
// development, this script is not registered.

const VERSION = new URL(self.location.href).searchParams.get("version");
const PREFIX = "uprez-app-";
const CACHE = PREFIX + VERSION;

/** Files that the page needs; the others (Burn's operators, the demo's images) are cached when used. */
const NEEDED = /^([\w-]+\.(html|js|css|svg|png|webmanifest)|(app|lib|workers|models|examples)\/.+|pkg\/(cpu|webgpu|decode|resize)\/.+)$/;

self.addEventListener("install", (event) => event.waitUntil(keep()));
self.addEventListener("activate", (event) => event.waitUntil(forgetOthers()));
self.addEventListener("fetch", (event) => {
  const path = pathOf(event.request);
  // Only the server knows whether there is a newer version.
  if (path !== null && path !== "files.json") event.respondWith(answer(event.request, path));
});
self.addEventListener("message", ({ data }) => {
  if (data === "now") self.skipWaiting();
});

async function keep() {
  const response = await fetch("files.json", { cache: "no-store" });
  const { version, files } = await response.json();
  if (version !== VERSION) throw new Error(`the site is at version ${version} already`);
  const cache = await caches.open(CACHE);
  const needed = files.map(({ path }) => path).filter((path) => NEEDED.test(path));
  await cache.addAll(needed.map((path) => new Request(path, { cache: "reload" })));
}

async function forgetOthers() {
  const names = await caches.keys();
  const others = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(others.map((name) => caches.delete(name)));
  await self.clients.claim();
}

/** The path of a file within the site; null for other requests. */
function pathOf({ method, url }) {
  const { origin, pathname } = new URL(url);
  const root = new URL("./", self.location.href).pathname;
  if (method !== "GET" || origin !== self.location.origin || !pathname.startsWith(root)) return null;
  return pathname.slice(root.length) || "index.html";
}

async function answer(request, path) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(path);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.status === 200) {
    // Storage may be full.
    cache.put(path, response.clone()).catch(() => {});
  }
  return response;
}
