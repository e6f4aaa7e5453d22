// Keeps the page's files for the time without a network.
//
// `cargo xtask dist` writes files.json, whose version follows from all files' bytes; the page registers this script
// under that version (app/install.js). Each version has a cache of its own, and a page never gets files of two. Where
// there is no files.json, as while the page is worked on, nobody registers this.

const VERSION = new URL(self.location.href).searchParams.get("version");
const PREFIX = "uprez-app-";
const CACHE = PREFIX + VERSION;

/** What the page needs; the rest (Burn's operators, the demo's pictures) is kept once it was used. */
const NEEDED = /^([\w-]+\.(html|js|css|svg|png|webmanifest)|(app|models|examples)\/.+|pkg\/(lean|decode|resize)\/.+)$/;

self.addEventListener("install", (event) => event.waitUntil(keep()));
self.addEventListener("activate", (event) => event.waitUntil(forgetOthers()));
self.addEventListener("fetch", (event) => {
  const path = pathOf(event.request);
  // The list itself says whether there is a newer version.
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

/** A file's path within the site; null for whatever is none of its files. */
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
    // Storage may be full: then it is fetched the next time, too.
    cache.put(path, response.clone()).catch(() => {});
  }
  return response;
}
