// Offline use and installation.

import { $ } from "./dom.js";

const SITE = new URL("../", import.meta.url);

/** Registers the service worker, and reports a new version. */
export async function keepOffline() {
  if (!("serviceWorker" in navigator)) return;
  try {
    const known = await navigator.serviceWorker.getRegistration(SITE);
    if (known) watch(known);
    const version = await publishedVersion();
    if (version === null) return await forget(known);
    const registration = await navigator.serviceWorker.register(new URL(`sw.js?version=${version}`, SITE));
    if (!known) watch(registration);
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

function watch(registration) {
  const offer = () => {
    // The first installation replaces nothing.
    if (registration.waiting && registration.active) $("update").hidden = false;
  };
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", offer);
  });
  offer();
  $("update-now").addEventListener("click", () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
    registration.waiting?.postMessage("now");
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
