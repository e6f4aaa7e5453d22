/**
 * Reloads the page when the service worker moves to a new version, so that no page gets files of two. All tabs move
 * together.
 */
export function followUpdates() {
  const workers = navigator.serviceWorker;
  // The first installation replaces nothing.
  if (workers?.controller) workers.addEventListener("controllerchange", () => location.reload(), { once: true });
}
