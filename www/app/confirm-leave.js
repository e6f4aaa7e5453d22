// Asks before the page is left while work or results would be lost.

/**
 * Whether there is work, or a result that is not saved.
 *
 * @param {import("./queue.js").Queue} queue
 */
export const isLoss = (queue) => queue.items.some((item) => item.state === "working" || (item.result && !item.saved));

/** @param {import("./queue.js").Queue} queue */
export function confirmLeave(queue) {
  const ask = (event) => event.preventDefault();
  queue.addEventListener("change", () => {
    // Only while needed: a page with this listener is kept out of the back/forward cache.
    if (isLoss(queue)) window.addEventListener("beforeunload", ask);
    else window.removeEventListener("beforeunload", ask);
  });
}
