// The page as an app: without a network, and on the home screen.

import { $ } from "./dom.js";

const SITE = new URL("../", import.meta.url);

/** Keeps the page's own files for the time without a network, and says when there are newer ones. */
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
    // There is no network, or the browser keeps nothing. All else works.
  }
}

/** The version that the site has now; null where it has none, as while it is worked on. */
async function publishedVersion() {
  const response = await fetch(new URL("files.json", SITE), { cache: "no-store" });
  if (response.status === 404) return null;
  return (await response.json()).version;
}

/** Files of a version that is published no more are not to be seen instead of the present ones. */
async function forget(registration) {
  if (!registration) return;
  await registration.unregister();
  if (navigator.serviceWorker.controller) location.reload();
}

function watch(registration) {
  const offer = () => {
    // The first version replaces nothing.
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

/** Offers to install it, where the browser asks whether it shall. */
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
