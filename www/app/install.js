// Offline use, updates and installation.

import { isLoss } from "./confirm-leave.js";
import { $ } from "./dom.js";
import { followUpdates } from "./follow-updates.js";

const SITE = new URL("../", import.meta.url);

/** Tabs have so long to say that they must not be reloaded. */
const ANSWER_MS = 300;

/** All tabs of this copy of the site. */
const tabs = globalThis.BroadcastChannel && new BroadcastChannel(`uprez-update ${SITE.pathname}`);

/**
 * Registers the service worker, and reports a new version.
 *
 * @param {import("./queue.js").Queue} queue
 */
export async function keepOffline(queue) {
  if (!("serviceWorker" in navigator)) return;
  followUpdates();
  try {
    const known = await navigator.serviceWorker.getRegistration(SITE);
    if (known) watch(known, queue);
    const version = await publishedVersion();
    if (version === null) return await forget(known);
    const registration = await navigator.serviceWorker.register(new URL(`sw.js?version=${version}`, SITE));
    if (!known) watch(registration, queue);
  } catch {
    // Offline, or storage is refused: the page works without.
  }
}

/** The current version of the site; null where there is none, as in development. */
async function publishedVersion() {
  const response = await fetch(new URL("files.json", SITE), { cache: "no-store" });
  if (response.status === 404) return null;
  return (await response.json()).version;
}

/** Without a version, cached files must not hide the current ones. */
async function forget(registration) {
  if (!registration) return;
  await registration.unregister();
  if (navigator.serviceWorker.controller) location.reload();
}

function watch(registration, queue) {
  const offer = () => {
    // The first installation replaces nothing.
    if (registration.waiting && registration.active) $("update").hidden = false;
  };
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", offer);
  });
  offer();
  tabs?.addEventListener("message", ({ data }) => {
    if (data === "may-reload" && isLoss(queue)) tabs.postMessage("must-not-reload");
  });
  $("update-now").addEventListener("click", async () => {
    const isRefused = await anyTabRefuses();
    $("update-refused").hidden = !isRefused;
    if (!isRefused) registration.waiting?.postMessage("now");
  });
}

/** Whether another tab would lose work or results. */
function anyTabRefuses() {
  return new Promise((resolve) => {
    const refuse = ({ data }) => data === "must-not-reload" && end(true);
    const end = (isRefused) => {
      clearTimeout(timer);
      tabs?.removeEventListener("message", refuse);
      resolve(isRefused);
    };
    const timer = setTimeout(() => end(false), ANSWER_MS);
    tabs?.addEventListener("message", refuse);
    tabs?.postMessage("may-reload");
  });
}

/** Shows the button that installs the app, where the browser supports it. */
export function offerInstallation() {
  let offered = null;
  window.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    offered = event;
    $("install").hidden = false;
  });
  $("install").addEventListener("click", () => {
    $("install").hidden = true;
    offered?.prompt();
  });
  window.addEventListener("appinstalled", () => {
    $("install").hidden = true;
  });
}
